/// The beginning of a character at the end of bytes.

enum UTF8Tail {
  /// How many bytes at the end of `bytes` are the beginning of a character whose rest may follow.
  static func length(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let tail = Array(bytes.suffix(length))
      guard tail[0] & 0xC0 != 0x80 else { continue }
      return isBeginning(tail) ? length : 0
    }
    return 0
  }

  /// Whether more bytes could make a character of `tail`, which begins with no continuation byte.
  private static func isBeginning(_ tail: [UInt8]) -> Bool {
    // The second byte is bounded so that no surrogate, nothing overlong and nothing beyond U+10FFFF
    // is meant (Unicode, table 3-7).
    let (length, second): (Int, ClosedRange<UInt8>) =
      switch tail[0] {
      case 0xC2...0xDF: (2, 0x80...0xBF)
      case 0xE0: (3, 0xA0...0xBF)
      case 0xED: (3, 0x80...0x9F)
      case 0xE1...0xEF: (3, 0x80...0xBF)
      case 0xF0: (4, 0x90...0xBF)
      case 0xF1...0xF3: (4, 0x80...0xBF)
      case 0xF4: (4, 0x80...0x8F)
      default: (0, 0x80...0xBF)
      }
    return tail.count < length && (tail.count < 2 || second.contains(tail[1]))
  }
}
