/// The body of `POST /v1/chat/completions`.

/// OpenAI's request for an answer in a conversation; content parts may be regions.
package struct ChatCompletionRequest: Decodable, Sendable {
  package let messages: [ChatMessage]
  package let answer: AnswerFields
  package let sampling: SamplingFields
  /// Nil: no log-probabilities; else of how many alternatives besides the token's own.
  package let likeliest: Int?

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    messages = try fields.list(.messages, 1...RequestLimits.messages, "messages")
    answer = try AnswerFields(from: decoder)
    sampling = try SamplingFields(from: decoder)
    let told = try fields.optional(.logprobs) ?? false
    let alternatives = try fields.optional(.topLogprobs, in: 0...RequestLimits.likeliest)
    guard told || (alternatives ?? 0) == 0 else {
      throw fields.path(.topLogprobs).error("needs logprobs to be true")
    }
    likeliest = told ? alternatives ?? 0 : nil
  }

  enum CodingKeys: String, CodingKey {
    case messages, logprobs
    case topLogprobs = "top_logprobs"
  }
}
