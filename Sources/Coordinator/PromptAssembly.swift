/// From rendered pieces to token ids.

internal import Checkpoints
internal import Referring
internal import Tokenizing
internal import Wire

/// A prompt as the decoder takes it.
struct Prompt: Sendable, Equatable {
  struct Image: Sendable, Equatable {
    /// Index into the query's images.
    let image: Int
    /// Position of its first token.
    let firstToken: Int
    let rows: Int
  }

  var tokens: [Int32] = []
  var images: [Image] = []
}

extension ServedModel {
  /// Token ids of a prompt that is taken as it is. Text never becomes a control token.
  ///
  /// Throws `.invalidQuery` for tokens that the model does not have, and for the image token: there
  /// is no image that it could stand for.
  func assemble(_ raw: RawPrompt) throws(CoordinatorError) -> Prompt {
    switch raw {
    case .text(let text):
      let tokens = tokenize(text, addsSpecial: true)
      guard !tokens.isEmpty else {
        throw CoordinatorError(.invalidQuery, "the prompt is empty", remedy: "Write something")
      }
      return Prompt(tokens: tokens)
    case .tokens(let tokens):
      let vocabulary = configuration.text.vocabulary
      for token in tokens where token >= vocabulary || token == configuration.imageToken {
        throw CoordinatorError(
          .invalidQuery,
          token >= vocabulary
            ? "the prompt holds token \(token); the model has \(vocabulary)"
            : "the prompt holds the image token \(token), without an image",
          remedy: "Send the text and images instead, or tokens that /tokenize gave")
      }
      return Prompt(tokens: tokens)
    }
  }

  /// Token ids of a rendered prompt. Text never becomes a control token.
  func assemble(_ pieces: [PromptPiece]) throws(CoordinatorError) -> Prompt {
    var prompt = Prompt()
    // The very start of the prompt, where the tokeniser puts its leading space; the token that
    // begins the sequence does not count.
    var atStart = true
    for piece in pieces {
      switch piece {
      case .control(let name):
        guard let id = tokenizer.id(of: name) else {
          throw CoordinatorError(
            .internal, "the tokenizer does not know the control token \(name)",
            remedy: "chatspot.json names a template that is not this model's")
        }
        prompt.tokens.append(id)
      case .text(let text):
        prompt.tokens += tokenizer.encode(text, atStart: atStart)
        atStart = false
      case .image(let index):
        prompt.images.append(
          Prompt.Image(image: index, firstToken: prompt.tokens.count, rows: imageRows))
        prompt.tokens += [Int32](repeating: configuration.imageToken, count: imageRows)
        atStart = false
      }
    }
    return prompt
  }
}
