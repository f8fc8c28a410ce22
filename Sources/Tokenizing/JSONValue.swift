/// Any JSON value, for files whose fields come in several shapes.
internal import FoundationEssentials

enum JSONValue: Decodable, Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  subscript(key: String) -> JSONValue? {
    if case .object(let fields) = self { fields[key] } else { nil }
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }

  /// The value as a token id, if it is a whole number in `0 ... tokenIDMax`.
  var tokenID: Int32? {
    guard case .number(let value) = self, value >= 0,
      value <= Double(TokenizingLimits.tokenIDMax), value.rounded() == value
    else { return nil }
    return Int32(value)
  }

  /// The content of a token given as a string or as a serialized `AddedToken`.
  var tokenContent: String? { string ?? self["content"]?.string }
}
