/// A value of a GGUF file's metadata.

/// GGUF's value types, by their numbers in the file.
enum GGUFValueType: UInt32 {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of a value; nil where they vary.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// One value, read and checked.
enum GGUFValue: Sendable, Equatable {
  case integer(Int)
  /// A whole number that no `Int` holds.
  case huge(UInt64)
  case number(Double)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)

  /// The value of `type` that stands at `position`, one of a fixed width.
  init(_ type: GGUFValueType, _ bytes: [UInt8], at position: Int) {
    func read<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type) -> Value {
      bytes.littleEndian(type, at: position)
    }
    switch type {
    case .uint8: self = .integer(Int(read(UInt8.self)))
    case .int8: self = .integer(Int(Int8(bitPattern: read(UInt8.self))))
    case .uint16: self = .integer(Int(read(UInt16.self)))
    case .int16: self = .integer(Int(Int16(bitPattern: read(UInt16.self))))
    case .uint32: self = .integer(Int(read(UInt32.self)))
    case .int32: self = .integer(Int(Int32(bitPattern: read(UInt32.self))))
    case .uint64:
      let value = read(UInt64.self)
      self = Int(exactly: value).map(GGUFValue.integer) ?? .huge(value)
    case .int64: self = .integer(Int(Int64(bitPattern: read(UInt64.self))))
    case .float32: self = .number(Double(Float(bitPattern: read(UInt32.self))))
    case .float64: self = .number(Double(bitPattern: read(UInt64.self)))
    case .bool: self = .bool(bytes[position] != 0)
    case .string, .array: preconditionFailure("\(type) has no fixed width")
    }
  }

  var summary: String {
    switch self {
    case .integer(let value): "\(value)"
    case .huge(let value): "\(value)"
    case .number(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .string(let value): "\"\(value.prefix(80))\""
    case .array(let array): "a list of \(array.count)"
    }
  }
}

/// Where an array's items stand; they are decoded when somebody asks for them.
struct GGUFArray: Sendable, Equatable {
  let type: GGUFValueType
  let count: Int
  let range: Range<Int>
}
