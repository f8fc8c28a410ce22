/// Llama 3's cutting of text into words, within which byte pairs are merged.

/// The expression of its `tokenizer.json`, alternative by alternative:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3}
///     |  ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
enum LlamaWords {
  private enum Kind {
    case letter
    case number
    case lineBreak
    case space
    case other

    init(_ scalar: Unicode.Scalar) {
      switch scalar {
      case "a"..."z", "A"..."Z": self = .letter
      case "0"..."9": self = .number
      case "\r", "\n": self = .lineBreak
      default:
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
          self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = scalar.properties.isWhitespace ? .space : .other
        }
      }
    }

    var isWhitespace: Bool { self == .space || self == .lineBreak }
  }

  /// The words of UTF-8 text, one after the other, nothing left out.
  static func words(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    let kinds = scalars.map { Kind($0) }
    var words: [ArraySlice<UInt8>] = []
    var (start, byte) = (0, text.startIndex)
    while start < scalars.count {
      let end = wordEnd(scalars, kinds, from: start)
      let next = scalars[start..<end].reduce(byte) { $0 + UTF8.width($1) }
      words.append(text[byte..<next])
      (start, byte) = (end, next)
    }
    return words
  }

  private static func wordEnd(
    _ scalars: [Unicode.Scalar], _ kinds: [Kind], from start: Int
  ) -> Int {
    let count = scalars.count
    func end(of kind: Kind, from first: Int, atMost limit: Int = .max) -> Int {
      var end = first
      while end < count, end - first < limit, kinds[end] == kind { end += 1 }
      return end
    }
    if scalars[start] == "'", let end = contractionEnd(scalars, from: start) { return end }
    let kind = kinds[start]
    if kind == .letter { return end(of: .letter, from: start) }
    if kind == .space || kind == .other, start + 1 < count, kinds[start + 1] == .letter {
      return end(of: .letter, from: start + 1)
    }
    if kind == .number { return end(of: .number, from: start, atMost: 3) }
    let first = scalars[start] == " " && start + 1 < count ? start + 1 : start
    if kinds[first] == .other {
      return end(of: .lineBreak, from: end(of: .other, from: first))
    }
    // White space: up to its last line break; without one, all but the character before a word.
    var runEnd = start
    while runEnd < count, kinds[runEnd].isWhitespace { runEnd += 1 }
    if let lineBreak = kinds[start..<runEnd].lastIndex(of: .lineBreak) { return lineBreak + 1 }
    return runEnd < count && runEnd - start > 1 ? runEnd - 1 : runEnd
  }

  /// The end of `'s`, `'re` and the like, in any case.
  private static func contractionEnd(_ scalars: [Unicode.Scalar], from start: Int) -> Int? {
    func lowercased(_ index: Int) -> Unicode.Scalar? {
      guard index < scalars.count else { return nil }
      // U+017F is a form of s.
      if scalars[index] == "\u{17F}" { return "s" }
      guard scalars[index].isASCII else { return nil }
      return Unicode.Scalar(scalars[index].value | 0x20)
    }
    switch (lowercased(start + 1), lowercased(start + 2)) {
    case ("s", _), ("t", _), ("m", _), ("d", _): return start + 2
    case ("r", "e"), ("v", "e"), ("l", "l"): return start + 3
    default: return nil
    }
  }
}
