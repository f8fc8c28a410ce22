/// Where in a request a field stands.

/// A path such as `messages[0].content[1].image_url.url`.
package struct FieldPath: Sendable, Equatable, CustomStringConvertible {
  package private(set) var description: String

  package init(_ name: String = "") { description = name }

  package init(_ path: [any CodingKey]) {
    description = ""
    for key in path {
      self = key.intValue.map { self[$0] } ?? appending(key.stringValue)
    }
  }

  package subscript(index: Int) -> FieldPath { FieldPath("\(description)[\(index)]") }

  package func appending(_ name: String) -> FieldPath {
    FieldPath(description.isEmpty ? name : "\(description).\(name)")
  }

  /// Nil for the request itself.
  package var param: String? { description.isEmpty ? nil : description }

  /// The error that this field is wrong: `problem` follows its name.
  package func error(_ problem: String, code: String? = nil) -> APIError {
    .invalid(
      description.isEmpty ? "the request \(problem)" : "\(description) \(problem)", param: param,
      code: code)
  }
}
