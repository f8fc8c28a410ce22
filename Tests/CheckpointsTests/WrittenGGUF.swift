/// GGUF files that a test writes, sound or damaged.

import Foundation

@testable import Checkpoints

/// A value of the metadata.
enum WrittenValue {
  case uint32(UInt32)
  case uint64(UInt64)
  case int32(Int32)
  case float32(Float)
  case bool(Bool)
  case string(String)
  case strings([String])
  case uint32s([UInt32])
  case floats([Float])
  /// Type and bytes as they stand.
  case raw(UInt32, [UInt8])

  var bytes: [UInt8] {
    switch self {
    case .uint32(let value): little(UInt32(4)) + little(value)
    case .uint64(let value): little(UInt32(10)) + little(value)
    case .int32(let value): little(UInt32(5)) + little(UInt32(bitPattern: value))
    case .float32(let value): little(UInt32(6)) + little(value.bitPattern)
    case .bool(let value): little(UInt32(7)) + [value ? 1 : 0]
    case .string(let value): little(UInt32(8)) + text(value)
    case .strings(let values):
      little(UInt32(9)) + little(UInt32(8)) + little(UInt64(values.count)) + values.flatMap(text)
    case .uint32s(let values):
      little(UInt32(9)) + little(UInt32(4)) + little(UInt64(values.count)) + values.flatMap(little)
    case .floats(let values):
      little(UInt32(9)) + little(UInt32(6)) + little(UInt64(values.count))
        + values.flatMap { little($0.bitPattern) }
    case .raw(let type, let bytes): little(type) + bytes
    }
  }
}

/// A tensor's entry: extents from the innermost out, as the file has them.
struct WrittenEntry {
  var name: String
  var extents: [UInt64]
  var type: UInt32 = 0
  var offset: UInt64
}

/// A GGUF file of version 3 with these keys, entries and bytes of data.
struct WrittenGGUF {
  var version: UInt32 = 3
  var keys: [(String, WrittenValue)] = []
  var entries: [WrittenEntry] = []
  var data: [UInt8] = []
  var alignment = 32
  var tensorCount: UInt64?
  var keyCount: UInt64?

  var bytes: [UInt8] {
    var bytes = Array("GGUF".utf8) + little(version)
    bytes += little(tensorCount ?? UInt64(entries.count))
    bytes += little(keyCount ?? UInt64(keys.count))
    for (key, value) in keys { bytes += text(key) + value.bytes }
    for entry in entries {
      bytes += text(entry.name) + little(UInt32(entry.extents.count))
      bytes += entry.extents.flatMap(little) + little(entry.type) + little(entry.offset)
    }
    bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
    return bytes + data
  }
}

func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
  (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }
