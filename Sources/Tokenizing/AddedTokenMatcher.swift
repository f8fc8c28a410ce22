/// Finds added tokens in text the way Hugging Face `tokenizers` does (`added_vocabulary.rs`): the
/// leftmost match wins, of those the longest; flags for white space and whole words apply
/// afterwards.

struct AddedTokenMatcher: Sendable {
  /// A piece of text between tokens, or a token.
  enum Part: Equatable {
    case text(ArraySlice<UInt8>)
    case token(Int32)
  }

  /// A trie over bytes; the root is node 0.
  private struct Node {
    var children: [UInt8: Int] = [:]
    var token: Int?
  }

  private let tokens: [AddedToken]
  private let nodes: [Node]

  init(_ tokens: [AddedToken]) {
    self.tokens = tokens
    var nodes = [Node()]
    for (index, token) in tokens.enumerated() {
      var node = 0
      for byte in token.content {
        if let child = nodes[node].children[byte] {
          node = child
        } else {
          nodes.append(Node())
          nodes[node].children[byte] = nodes.count - 1
          node = nodes.count - 1
        }
      }
      nodes[node].token = index
    }
    self.nodes = nodes
  }

  /// Cuts `text` into parts. Text parts are never empty.
  func split(_ text: ArraySlice<UInt8>) -> [Part] {
    guard !tokens.isEmpty, !text.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
    var parts: [Part] = []
    var taken = text.startIndex
    var position = text.startIndex
    while position < text.endIndex {
      guard let (token, matchEnd) = longestMatch(text, at: position) else {
        position += 1
        continue
      }
      var start = position
      var end = matchEnd
      position = matchEnd
      if token.isSingleWord, !isWhole(text, start..<end) { continue }
      if token.stripsLeft { start -= Self.whitespaceAtEnd(text[taken..<max(taken, start)]) }
      if token.stripsRight { end += Self.whitespaceAtStart(text[end...]) }
      // An earlier token may already have swallowed the space between.
      if start > taken { parts.append(.text(text[taken..<start])) }
      parts.append(.token(token.id))
      taken = max(taken, end)
    }
    if taken < text.endIndex { parts.append(.text(text[taken...])) }
    return parts
  }

  private func longestMatch(_ text: ArraySlice<UInt8>, at start: Int) -> (AddedToken, end: Int)? {
    var node = 0
    var found: (AddedToken, end: Int)?
    for index in start..<text.endIndex {
      guard let child = nodes[node].children[text[index]] else { break }
      node = child
      if let token = nodes[node].token { found = (tokens[token], index + 1) }
    }
    return found
  }

  private func isWhole(_ text: ArraySlice<UInt8>, _ match: Range<Int>) -> Bool {
    let neighbours = [
      Self.lastScalar(of: text[..<match.lowerBound]),
      Self.firstScalar(of: text[match.upperBound...]),
    ]
    return !neighbours.contains { $0.map(Self.isWord) ?? false }
  }

  /// `\w` of Unicode's technical standard 18.
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }

  /// How many bytes of white space `text` starts with.
  private static func whitespaceAtStart(_ text: ArraySlice<UInt8>) -> Int {
    var rest = text
    while let scalar = firstScalar(of: rest), scalar.properties.isWhitespace {
      rest.removeFirst(UTF8.width(scalar))
    }
    return text.count - rest.count
  }

  /// How many bytes of white space `text` ends with.
  private static func whitespaceAtEnd(_ text: ArraySlice<UInt8>) -> Int {
    var rest = text
    while let scalar = lastScalar(of: rest), scalar.properties.isWhitespace {
      rest.removeLast(UTF8.width(scalar))
    }
    return text.count - rest.count
  }

  private static func firstScalar(of text: ArraySlice<UInt8>) -> Unicode.Scalar? {
    String(decoding: text.prefix(4), as: UTF8.self).unicodeScalars.first
  }

  private static func lastScalar(of text: ArraySlice<UInt8>) -> Unicode.Scalar? {
    // A scalar's continuation bytes, at most three, are 10xxxxxx.
    guard let start = text.lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return nil }
    return String(decoding: text[start...], as: UTF8.self).unicodeScalars.first
  }
}
