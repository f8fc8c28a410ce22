/// A part of a prompt on its way to the tokeniser.
public enum PromptPiece: Sendable, Equatable {
  /// Plain text, never to be scanned for control tokens: `</s>` or `<image>` in it are letters.
  case text(String)
  /// The place of an image, by its index in the conversation.
  case image(Int)
  /// A control token by name, such as `</s>`.
  case control(String)
}

extension [PromptPiece] {
  /// Adds pieces, joining text to text before it.
  mutating func append(_ pieces: [PromptPiece]) {
    for piece in pieces {
      if case .text(let text) = piece { append(text: text) } else { append(piece) }
    }
  }

  /// Adds text, joining it to text before it, so that the tokeniser sees it in one run.
  mutating func append(text: String) {
    guard !text.isEmpty else { return }
    if case .text(let before)? = last {
      self[count - 1] = .text(before + text)
    } else {
      append(.text(text))
    }
  }
}
