/// A protobuf message written byte by byte, for messages that no encoder would make.
struct ProtoBytes {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// A varint field.
  func number(_ field: UInt64, _ value: UInt64) -> ProtoBytes {
    var copy = self
    copy.varint(field << 3)
    copy.varint(value)
    return copy
  }

  /// A length-prefixed field: bytes, text or packed numbers.
  func bytes(_ field: UInt64, _ value: [UInt8]) -> ProtoBytes {
    var copy = self
    copy.varint(field << 3 | 2)
    copy.varint(UInt64(value.count))
    copy.bytes += value
    return copy
  }

  /// A submessage.
  func message(_ field: UInt64, _ value: ProtoBytes) -> ProtoBytes { bytes(field, value.bytes) }

  /// Text in UTF-8.
  func text(_ field: UInt64, _ value: String) -> ProtoBytes { bytes(field, Array(value.utf8)) }
}
