/// The metadata of a GGUF file, read key by key with errors that name file and key.

public import Foundation

/// Keys and values as the file gives them.
public struct GGUFMetadata: Sendable {
  /// The file, for messages.
  public let path: String
  let values: [String: GGUFValue]
  /// The file's bytes up to the tensors' data.
  let bytes: [UInt8]
  /// Where the keys and values stand in `bytes`.
  let range: Range<Int>

  /// The metadata of the file at `url`. Throws `.unreadable`, `.malformed` or `.unsupported`.
  public init(reading url: URL) throws(CheckpointError) {
    self = try GGUFFile(reading: url).metadata
  }

  init(path: String, values: [String: GGUFValue], bytes: [UInt8], range: Range<Int>) {
    self.path = path
    self.values = values
    self.bytes = bytes
    self.range = range
  }

  /// Whether the file says anything under `key`.
  public func has(_ key: String) -> Bool { values[key] != nil }

  /// A whole number. Throws `.configuration` where it is none, or missing without a default.
  public func integer(
    _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...(1 << 30)
  ) throws(CheckpointError) -> Int {
    switch values[key] {
    case nil:
      guard let fallback else { throw wrong(key, "a whole number") }
      return fallback
    case .integer(let value)? where range.contains(value): return value
    default:
      throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// A finite number.
  public func number(
    _ key: String, default fallback: Double? = nil
  ) throws(CheckpointError) -> Double {
    switch values[key] {
    case nil:
      guard let fallback else { throw wrong(key, "a number") }
      return fallback
    case .number(let value)? where value.isFinite: return value
    case .integer(let value)?: return Double(value)
    default: throw wrong(key, "a number")
    }
  }

  /// A text; nil if there is none.
  public func string(_ key: String) throws(CheckpointError) -> String? {
    switch values[key] {
    case nil: return nil
    case .string(let value)?: return value
    default: throw wrong(key, "a text")
    }
  }

  public func bool(_ key: String, default fallback: Bool) throws(CheckpointError) -> Bool {
    switch values[key] {
    case nil: return fallback
    case .bool(let value)?: return value
    default: throw wrong(key, "true or false")
    }
  }

  /// A list of whole numbers; nil if there is none.
  public func integers(_ key: String) throws(CheckpointError) -> [Int]? {
    guard let array = try array(key, "a list of whole numbers") else { return nil }
    var result: [Int] = []
    result.reserveCapacity(array.count)
    for value in try fixedWidth(array, key, "a list of whole numbers") {
      guard case .integer(let number) = value else { throw wrong(key, "a list of whole numbers") }
      result.append(number)
    }
    return result
  }

  /// A list of finite numbers; nil if there is none.
  public func numbers(_ key: String) throws(CheckpointError) -> [Double]? {
    guard let array = try array(key, "a list of numbers") else { return nil }
    var result: [Double] = []
    result.reserveCapacity(array.count)
    for value in try fixedWidth(array, key, "a list of numbers") {
      switch value {
      case .number(let number) where number.isFinite: result.append(number)
      case .integer(let number): result.append(Double(number))
      default: throw wrong(key, "a list of finite numbers")
      }
    }
    return result
  }

  /// A list of texts as bytes, which need not be UTF-8; nil if there is none.
  public func texts(_ key: String) throws(CheckpointError) -> [[UInt8]]? {
    guard let array = try array(key, "a list of texts") else { return nil }
    guard array.type == .string else { throw wrong(key, "a list of texts") }
    var (result, position) = ([[UInt8]](), array.range.lowerBound)
    result.reserveCapacity(array.count)
    for _ in 0..<array.count {
      let count = Int(bytes.littleEndian(UInt64.self, at: position))
      result.append(Array(bytes[position + 8..<position + 8 + count]))
      position += 8 + count
    }
    return result
  }

  /// The bytes of a GGUF file with the same metadata and no tensors.
  var fileWithoutTensors: Data {
    var data = Data("GGUF".utf8)
    for (value, count) in [(3, 4), (0, 8), (values.count, 8)] {
      data.append(contentsOf: (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
    }
    return data + bytes[range]
  }

  func wrong(_ key: String, _ expected: String) -> CheckpointError {
    let found = values[key].map { "is \($0.summary)" } ?? "is missing"
    return CheckpointError(.configuration, "\(path): \(key) \(found); it must be \(expected)")
  }

  private func array(
    _ key: String, _ expected: String
  ) throws(CheckpointError) -> GGUFArray? {
    guard let value = values[key] else { return nil }
    guard case .array(let array) = value else { throw wrong(key, expected) }
    return array
  }

  private func fixedWidth(
    _ array: GGUFArray, _ key: String, _ expected: String
  ) throws(CheckpointError) -> [GGUFValue] {
    guard let width = array.type.byteCount else { throw wrong(key, expected) }
    return (0..<array.count).map {
      GGUFValue(array.type, bytes, at: array.range.lowerBound + $0 * width)
    }
  }
}
