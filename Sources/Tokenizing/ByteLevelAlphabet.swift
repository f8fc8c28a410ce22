/// The characters in which GPT-2's tokeniser files write bytes.

/// A visible character for every byte: printable ones of Latin-1 stand for themselves, the others,
/// in order, for the characters from U+0100 on.
enum ByteLevelAlphabet {
  private static let bytes: [Unicode.Scalar: UInt8] = {
    var bytes: [Unicode.Scalar: UInt8] = [:]
    var next: UInt32 = 0x100
    for byte in UInt8.min ... .max {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: bytes[Unicode.Scalar(byte)] = byte
      default:
        if let scalar = Unicode.Scalar(next) { bytes[scalar] = byte }
        next += 1
      }
    }
    return bytes
  }()

  /// The bytes that `text` writes; nil if one of its characters stands for none.
  static func decoded(_ text: some StringProtocol) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard let byte = bytes[scalar] else { return nil }
      result.append(byte)
    }
    return result
  }

  /// A token of text as the bytes that it stands for; one that is not written in this alphabet is a
  /// token that no text becomes.
  static func piece(_ text: some StringProtocol) -> SentencePiece {
    decoded(text).map { SentencePiece(bytes: $0, score: 0, kind: .normal) }
      ?? SentencePiece(bytes: Array(text.utf8), score: 0, kind: .unused)
  }

  /// The two tokens of a merge; nil if one is not written in this alphabet.
  static func merge(
    _ left: some StringProtocol, _ right: some StringProtocol
  ) -> (left: [UInt8], right: [UInt8])? {
    guard let left = decoded(left), let right = decoded(right) else { return nil }
    return (left, right)
  }
}
