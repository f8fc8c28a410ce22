/// A bounded reader of the protobuf wire format, enough to look through an untrusted message.
/// Format: https://protobuf.dev/programming-guides/encoding/

/// Why bytes are not a protobuf message.
enum ProtobufFault: Error, Equatable {
  case truncated(offset: Int)
  case malformed(offset: Int)
}

/// One field's value, by wire type. `bytes` is a range of the reader's own storage.
enum ProtobufValue: Equatable {
  case varint(UInt64)
  case fixed64(UInt64)
  case bytes(Range<Int>)
  case fixed32(UInt32)
}

/// Walks over the fields of one message, which is a range of `storage`.
struct ProtobufReader {
  let storage: [UInt8]
  private var offset: Int
  private let end: Int

  init(_ storage: [UInt8], range: Range<Int>? = nil) {
    let range = range ?? 0..<storage.count
    precondition(range.lowerBound >= 0 && range.upperBound <= storage.count)
    self.storage = storage
    offset = range.lowerBound
    end = range.upperBound
  }

  /// The next field, or nil at the end of the message.
  mutating func next() throws(ProtobufFault) -> (number: UInt64, value: ProtobufValue)? {
    guard offset < end else { return nil }
    let start = offset
    let tag = try varint()
    let number = tag >> 3
    guard number > 0, number < 1 << 29 else { throw .malformed(offset: start) }
    switch tag & 7 {
    case 0: return (number, .varint(try varint()))
    case 1: return (number, .fixed64(try littleEndian(bytes: 8)))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - offset) else { throw .truncated(offset: start) }
      let range = offset..<offset + Int(length)
      offset = range.upperBound
      return (number, .bytes(range))
    case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try littleEndian(bytes: 4))))
    default: throw .malformed(offset: start)  // groups left proto2 before SentencePiece existed
    }
  }

  private mutating func varint() throws(ProtobufFault) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 70, by: 7) {
      guard offset < end else { throw .truncated(offset: start) }
      let byte = storage[offset]
      offset += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw .malformed(offset: start)
  }

  private mutating func littleEndian(bytes count: Int) throws(ProtobufFault) -> UInt64 {
    guard count <= end - offset else { throw .truncated(offset: offset) }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(storage[offset + index]) << UInt64(8 * index) }
    offset += count
    return value
  }
}
