/// Where in a request a field stands.

/// A path such as `messages[0].content[1].image_url.url`.
struct FieldPath: Sendable, Equatable, CustomStringConvertible {
  private(set) var description: String

  init(_ name: String = "") { description = name }

  init(_ path: [any CodingKey]) {
    description = ""
    for key in path {
      self = key.intValue.map { self[$0] } ?? appending(key.stringValue)
    }
  }

  subscript(index: Int) -> FieldPath { FieldPath("\(description)[\(index)]") }

  func appending(_ name: String) -> FieldPath {
    FieldPath(description.isEmpty ? name : "\(description).\(name)")
  }

  /// Nil for the request itself.
  var param: String? { description.isEmpty ? nil : description }

  /// The error that this field is wrong: `problem` follows its name.
  func error(_ problem: String, code: String? = nil) -> APIError {
    .invalid(
      description.isEmpty ? "the request \(problem)" : "\(description) \(problem)", param: param,
      code: code)
  }
}
