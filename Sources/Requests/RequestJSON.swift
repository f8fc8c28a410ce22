/// From the bytes of a request to its fields, with errors that name the field.

package import Foundation

package enum RequestJSON {
  /// Reads a request. Unknown fields are ignored.
  ///
  /// Throws an ``APIError`` with status 400 that says which field is wrong, and how.
  package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value
  {
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch let error as APIError {
      throw error
    } catch let error as DecodingError {
      throw Self.error(error)
    } catch {
      throw APIError.invalid("the request body cannot be read as JSON")
    }
  }

  private static func error(_ error: DecodingError) -> APIError {
    switch error {
    case .typeMismatch(let type, let context):
      return FieldPath(context.codingPath).error("must be \(name(of: type))", code: "wrong_type")
    case .valueNotFound(let type, let context):
      return FieldPath(context.codingPath).error(
        "must be \(name(of: type)), not null", code: "wrong_type")
    case .keyNotFound(let key, let context):
      return FieldPath(context.codingPath).appending(key.stringValue).error(
        "is missing", code: "missing_field")
    case .dataCorrupted(let context) where context.codingPath.isEmpty:
      return .invalid("the request body is not JSON", code: "invalid_json")
    case .dataCorrupted(let context):
      return FieldPath(context.codingPath).error(
        "cannot be read: \(context.debugDescription)", code: "invalid_value")
    @unknown default:
      return .invalid("the request body cannot be read as JSON", code: "invalid_json")
    }
  }

  private static func name(of type: Any.Type) -> String {
    switch type {
    case is String.Type: "a string"
    case is Bool.Type: "true or false"
    case is any BinaryInteger.Type: "an integer"
    case is any BinaryFloatingPoint.Type: "a number"
    case is [Any].Type: "a list"
    default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
    }
  }
}

extension KeyedDecodingContainer {
  /// The path of one of this container's fields.
  func path(_ key: Key) -> FieldPath { FieldPath(codingPath).appending(key.stringValue) }

  /// A field that must be there.
  func required<Value: Decodable>(_ key: Key, as type: Value.Type = Value.self) throws -> Value {
    try naming(key) { try decode(type, forKey: key) }
  }

  /// A field that may be missing or null.
  func optional<Value: Decodable>(_ key: Key, as type: Value.Type = Value.self) throws -> Value? {
    try naming(key) { try decodeIfPresent(type, forKey: key) }
  }

  /// For a number that does not fit its type the decoder throws an error of its own, which names
  /// nothing: the field's name is given.
  private func naming<Value>(_ key: Key, _ decode: () throws -> Value) throws -> Value {
    do { return try decode() } catch {
      if error is APIError || error is DecodingError { throw error }
      throw path(key).error("holds a number that does not fit", code: "out_of_range")
    }
  }

  /// A list of a bounded length. Its length is checked before its elements are read.
  func list<Element: Decodable>(
    _ key: Key, of type: Element.Type = Element.self, _ count: ClosedRange<Int>, _ what: String
  ) throws -> [Element] {
    if let found = try? nestedUnkeyedContainer(forKey: key).count, !count.contains(found) {
      throw path(key).error(
        "holds \(found) \(what), not \(count.lowerBound) to \(count.upperBound)",
        code: "out_of_range")
    }
    return try required(key, as: [Element].self)
  }

  /// A number in a range, or nil.
  func optional<Value: Decodable & Comparable>(
    _ key: Key, in range: ClosedRange<Value>
  ) throws -> Value? {
    guard let value: Value = try optional(key) else { return nil }
    guard range.contains(value) else {
      throw path(key).error(
        "is \(value), not in \(range.lowerBound) to \(range.upperBound)", code: "out_of_range")
    }
    return value
  }
}
