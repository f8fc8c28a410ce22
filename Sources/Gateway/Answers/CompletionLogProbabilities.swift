/// `logprobs` of a text completion.

internal import Wire

/// The tokens of an answer with their log-probabilities, as lists side by side.
struct CompletionLogProbabilities: Encodable, Sendable, Equatable {
  private(set) var tokens: [String] = []
  private(set) var tokenLogprobs: [Double] = []
  private(set) var topLogprobs: [[String: Double]] = []
  /// Where each token begins in the answer's text, in characters as Python counts them.
  private(set) var textOffset: [Int] = []

  /// - Parameter offset: where the first token begins; afterwards where the next one will.
  init(_ answer: [AnswerToken], offset: inout Int) {
    for token in answer {
      let text = String(decoding: token.bytes, as: UTF8.self)
      tokens.append(text)
      tokenLogprobs.append(token.logProbability.told)
      topLogprobs.append(
        Dictionary(
          token.likeliest.map {
            (String(decoding: $0.bytes, as: UTF8.self), $0.logProbability.told)
          }, uniquingKeysWith: max))
      textOffset.append(offset)
      offset += text.unicodeScalars.count
    }
  }

  enum CodingKeys: String, CodingKey {
    case tokens
    case tokenLogprobs = "token_logprobs"
    case topLogprobs = "top_logprobs"
    case textOffset = "text_offset"
  }
}
