/// From a checked model to the bytes that libsentencepiece is given.

extension SentencePieceModel {
  /// A `ModelProto` with this model's pieces and an identity normaliser that adds and drops
  /// nothing: spaces and prefixes are this module's business.
  ///
  /// `hidden` holds ids that plain text must never become (added tokens). A hidden piece of several
  /// characters is written as `unused`: merges may still pass through it, and where one would stay,
  /// the library takes it apart again. A hidden piece of one character becomes a control piece, and
  /// all control pieces of one character get a name that no text can form: the library refuses text
  /// that contains one.
  func serialized(hiding hidden: Set<Int32>) -> [UInt8] {
    var proto = ProtobufWriter()
    for (index, piece) in pieces.enumerated() {
      var piece = piece
      let isCharacter = String(decoding: piece.bytes, as: UTF8.self).unicodeScalars.count == 1
      let isHidden = hidden.contains(Int32(index)) && [.normal, .userDefined].contains(piece.kind)
      if isHidden { piece.kind = isCharacter ? .control : .unused }
      if isCharacter, piece.kind == .control || piece.kind == .unknown {
        piece.bytes = Array("\u{F8FF}hidden \(index)\u{F8FF}".utf8)
      }
      proto.message(1) { message in
        message.bytes(1, piece.bytes)
        message.float(2, piece.score)
        message.varint(3, piece.kind.rawValue)
      }
    }
    proto.message(2) { message in
      message.varint(3, 2)  // model_type: BPE
      message.varint(35, hasByteFallback ? 1 : 0)  // byte_fallback
    }
    proto.message(3) { message in
      message.varint(3, 0)  // add_dummy_prefix
      message.varint(4, 0)  // remove_extra_whitespaces
      message.varint(5, 0)  // escape_whitespaces
    }
    return proto.output
  }
}

/// Writes protobuf fields one after another.
private struct ProtobufWriter {
  private(set) var output: [UInt8] = []

  mutating func varint(_ number: UInt64, _ value: UInt64) {
    raw(number << 3)
    raw(value)
  }

  mutating func float(_ number: UInt64, _ value: Float) {
    raw(number << 3 | 5)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      output.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  mutating func bytes(_ number: UInt64, _ value: [UInt8]) {
    raw(number << 3 | 2)
    raw(UInt64(value.count))
    output += value
  }

  mutating func message(_ number: UInt64, _ fill: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    fill(&inner)
    bytes(number, inner.output)
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(truncatingIfNeeded: rest))
  }
}
