/// Tokens that stand for one byte, written `<0x0A>`.
enum ByteToken {
  /// The byte that a byte piece stands for, exactly as SentencePiece writes it: two capital digits.
  static func written(_ token: [UInt8]) -> UInt8? {
    guard let value = read(token) else { return nil }
    return token[3...4].allSatisfy { !(UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
      ? value : nil
  }

  /// The byte that Hugging Face's `ByteFallback` decoder takes a token for: six bytes, either case.
  static func read(_ token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: Array("<0x".utf8)), token[5] == UInt8(ascii: ">"),
      let high = digit(token[3]), let low = digit(token[4])
    else { return nil }
    return high << 4 | low
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
