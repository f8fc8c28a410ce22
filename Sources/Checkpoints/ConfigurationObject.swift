/// A JSON object of a configuration file, read field by field with errors that name file and field.

import Foundation

/// Any JSON value.
enum JSONValue: Codable, Sendable, Equatable {
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

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .number(let value):
      if let whole = Int(exactly: value) {
        try container.encode(whole)
      } else {
        try container.encode(value)
      }
    case .string(let value): try container.encode(value)
    case .array(let values): try container.encode(values)
    case .object(let fields): try container.encode(fields)
    }
  }
}

/// The fields of one JSON object. A field that is absent or null takes the caller's default.
struct ConfigurationObject: Sendable {
  let file: String
  /// Where the object stands in the file, such as "text_config."; empty at the top.
  let path: String
  let fields: [String: JSONValue]

  /// Reads a file that holds one JSON object.
  init(reading url: URL, bytesMax: Int = 16 << 20) throws(CheckpointError) {
    let data = try readFile(url, bytesMax: bytesMax)
    guard let fields = try? JSONDecoder().decode([String: JSONValue].self, from: data) else {
      throw CheckpointError(.malformed, "\(url.path) is not a JSON object")
    }
    self.init(file: url.path, path: "", fields: fields)
  }

  /// An object as the bytes of a JSON file, the same for the same fields.
  static func encoded(_ fields: [String: JSONValue], isPretty: Bool = true) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    // JSON values of finite numbers always encode.
    return (try? encoder.encode(fields)) ?? Data()
  }

  init(file: String, path: String, fields: [String: JSONValue]) {
    self.file = file
    self.path = path
    self.fields = fields
  }

  /// Whether the file says anything under `name`.
  func has(_ name: String) -> Bool { fields[name, default: .null] != .null }

  /// The object under `name`; nil if absent.
  func object(_ name: String) throws(CheckpointError) -> ConfigurationObject? {
    switch fields[name] {
    case nil, .null: return nil
    case .object(let inner):
      return ConfigurationObject(file: file, path: "\(path)\(name).", fields: inner)
    default: throw wrong(name, "an object")
    }
  }

  func integer(
    _ name: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...(1 << 30)
  ) throws(CheckpointError) -> Int {
    switch fields[name] {
    case nil, .null:
      guard let fallback else { throw wrong(name, "a whole number") }
      return fallback
    case .number(let value):
      guard let whole = Int(exactly: value), range.contains(whole) else {
        throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return whole
    default: throw wrong(name, "a whole number")
    }
  }

  func number(_ name: String, default fallback: Double? = nil) throws(CheckpointError) -> Double {
    switch fields[name] {
    case nil, .null:
      guard let fallback else { throw wrong(name, "a number") }
      return fallback
    case .number(let value): return value
    default: throw wrong(name, "a number")
    }
  }

  func string(_ name: String, default fallback: String? = nil) throws(CheckpointError) -> String {
    switch fields[name] {
    case nil, .null:
      guard let fallback else { throw wrong(name, "a string") }
      return fallback
    case .string(let value): return value
    default: throw wrong(name, "a string")
    }
  }

  func bool(_ name: String, default fallback: Bool) throws(CheckpointError) -> Bool {
    switch fields[name] {
    case nil, .null: return fallback
    case .bool(let value): return value
    default: throw wrong(name, "true or false")
    }
  }

  /// A whole number or a list of them; nil if absent.
  func integers(_ name: String) throws(CheckpointError) -> [Int]? {
    switch fields[name] {
    case nil, .null: return nil
    case .number(let value):
      guard let whole = Int(exactly: value) else { throw wrong(name, "a whole number") }
      return [whole]
    case .array(let values):
      var result: [Int] = []
      for value in values {
        guard case .number(let number) = value, let whole = Int(exactly: number) else {
          throw wrong(name, "a list of whole numbers")
        }
        result.append(whole)
      }
      return result
    default: throw wrong(name, "a whole number or a list of them")
    }
  }

  /// A list of numbers.
  func numbers(_ name: String) throws(CheckpointError) -> [Double] {
    guard case .array(let values)? = fields[name] else { throw wrong(name, "a list of numbers") }
    var result: [Double] = []
    for value in values {
      guard case .number(let number) = value else { throw wrong(name, "a list of numbers") }
      result.append(number)
    }
    return result
  }

  func wrong(_ name: String, _ expected: String) -> CheckpointError {
    let found = fields[name].map { "is \($0.summary)" } ?? "is missing"
    return CheckpointError(
      .configuration, "\(file): \(path)\(name) \(found); it must be \(expected)")
  }
}

extension JSONValue {
  fileprivate var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
    case .string(let value): "\"\(value.prefix(80))\""
    case .array(let values): "a list of \(values.count)"
    case .object: "an object"
    }
  }
}

/// The bytes of a small file. Throws `.unreadable`, naming the file.
func readFile(_ url: URL, bytesMax: Int) throws(CheckpointError) -> Data {
  guard let size = try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? Int else {
    throw CheckpointError(
      .unreadable, "\(url.path) does not exist or cannot be read",
      remedy: "A checkpoint is a directory as Hugging Face's llava-hf, LLaVA or Merlin have it")
  }
  guard size <= bytesMax else {
    throw CheckpointError(.malformed, "\(url.path) is \(size) bytes; at most \(bytesMax) are read")
  }
  guard let data = try? Data(contentsOf: url) else {
    throw CheckpointError(.unreadable, "\(url.path) cannot be read")
  }
  return data
}
