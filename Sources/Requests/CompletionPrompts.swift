/// `prompt`: a string, strings, a list of tokens, or lists of tokens.

package import Wire

/// The prompts of a text completion.
package struct CompletionPrompts: Decodable, Sendable, Equatable {
  package let prompts: [RawPrompt]

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let path = FieldPath(decoder.codingPath)
    if let text = try? container.decode(String.self) {
      prompts = [.text(text)]
    } else if let tokens = try? container.decode([Int32].self), !tokens.isEmpty {
      prompts = [.tokens(tokens)]
    } else if let texts = try? container.decode([String].self) {
      prompts = texts.map { .text($0) }
    } else if let lists = try? container.decode([[Int32]].self) {
      prompts = lists.map { .tokens($0) }
    } else {
      throw path.error(
        "must be a string, a list of strings, a list of tokens or a list of such lists",
        code: "wrong_type")
    }
    guard (1...RequestLimits.prompts).contains(prompts.count) else {
      throw path.error(
        "holds \(prompts.count) prompts, not 1 to \(RequestLimits.prompts)", code: "out_of_range")
    }
    for (index, prompt) in prompts.enumerated() {
      try Self.check(prompt, at: prompts.count == 1 ? path : path[index])
    }
  }

  private static func check(_ prompt: RawPrompt, at path: FieldPath) throws {
    switch prompt {
    case .text(let text):
      guard !text.isEmpty else { throw path.error("is empty", code: "invalid_value") }
      try path.checkText(text)
    case .tokens(let tokens):
      guard (1...RequestLimits.promptTokens).contains(tokens.count) else {
        throw path.error(
          "holds \(tokens.count) tokens, not 1 to \(RequestLimits.promptTokens)",
          code: "out_of_range")
      }
      guard tokens.allSatisfy({ $0 >= 0 }) else {
        throw path.error("holds a token below 0", code: "invalid_value")
      }
    }
  }
}

extension FieldPath {
  /// Refuses text that no message of the protocol can hold.
  func checkText(_ text: String) throws {
    guard text.utf8.count <= RequestLimits.textBytes else {
      throw error(
        "is \(text.utf8.count) bytes, more than \(RequestLimits.textBytes)", code: "out_of_range")
    }
    guard !text.utf8.contains(0) else {
      throw error("contains a zero byte", code: "invalid_value")
    }
  }
}
