/// All added tokens of a checkpoint, by id and by content, with the two searches that cut them out.

struct AddedTokens: Sendable {
  /// In ascending order of ids.
  let tokens: [AddedToken]
  private let byID: [Int32: Int]
  private let byContent: [[UInt8]: Int]
  /// What a token that is matched in normalised text is matched as.
  private let normalized: [Int32: [UInt8]]
  /// Finds the tokens that are matched in the text as it came.
  private let asWritten: AddedTokenMatcher
  /// Finds the tokens that are matched in normalised text.
  private let whenNormalized: AddedTokenMatcher

  /// `tokens` have distinct ids and distinct contents.
  init(_ tokens: [AddedToken], rules: TextRules) {
    self.tokens = tokens.sorted { $0.id < $1.id }
    byID = Dictionary(uniqueKeysWithValues: self.tokens.enumerated().map { ($1.id, $0) })
    byContent = Dictionary(uniqueKeysWithValues: self.tokens.enumerated().map { ($1.content, $0) })
    asWritten = AddedTokenMatcher(self.tokens.filter { !$0.isNormalized })
    // The normaliser runs over the token too: with a prefix, `<x>` is looked for as `▁<x>`.
    normalized = Dictionary(
      uniqueKeysWithValues: self.tokens.filter(\.isNormalized).map { token in
        (
          token.id,
          rules.isNormalizer ? rules.normalized(token.content, isFirst: true) : token.content
        )
      })
    whenNormalized = AddedTokenMatcher(
      self.tokens.filter(\.isNormalized).map { [normalized] token in
        var token = token
        token.content = normalized[token.id] ?? token.content
        return token
      })
  }

  subscript(id: Int32) -> AddedToken? { byID[id].map { tokens[$0] } }
  subscript(content: [UInt8]) -> AddedToken? { byContent[content].map { tokens[$0] } }

  /// What `id` decodes to: the content as it is matched, so that a space that belongs to it comes
  /// back.
  func decoded(_ id: Int32) -> [UInt8]? { normalized[id] ?? self[id]?.content }

  /// Cuts `text` at the added tokens as Hugging Face does and gives the parts between in the form
  /// that SentencePiece sees.
  func split(_ text: [UInt8], rules: TextRules) -> [AddedTokenMatcher.Part] {
    var parts: [AddedTokenMatcher.Part] = []
    for part in asWritten.split(text[...]) {
      guard case .text(let raw) = part else {
        parts.append(part)
        continue
      }
      let isFirst = raw.startIndex == 0
      if rules.isNormalizer {
        parts += whenNormalized.split(rules.normalized(raw, isFirst: isFirst)[...])
        continue
      }
      for inner in whenNormalized.split(raw) {
        guard case .text(let rest) = inner else {
          parts.append(inner)
          continue
        }
        parts.append(.text(rules.normalized(rest, isFirst: rest.startIndex == 0)[...]))
      }
    }
    return parts
  }
}
