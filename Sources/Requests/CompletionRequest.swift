/// The body of `POST /v1/completions`.

/// OpenAI's request to continue text that is taken as it is, without a template.
package struct CompletionRequest: Decodable, Sendable {
  package let prompts: CompletionPrompts
  package let answer: AnswerFields
  package let sampling: SamplingFields
  /// Whether answers begin with their prompt.
  package let echoes: Bool
  /// Nil: no log-probabilities; else of how many alternatives besides the token's own.
  package let likeliest: Int?

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    prompts = try fields.required(.prompt, as: CompletionPrompts.self)
    answer = try AnswerFields(from: decoder)
    sampling = try SamplingFields(from: decoder)
    echoes = try fields.optional(.echo) ?? false
    likeliest = try fields.optional(.logprobs, in: 0...RequestLimits.likeliest)
    guard !echoes || likeliest == nil else {
      throw fields.path(.echo).error("cannot be combined with logprobs", code: "unsupported")
    }
    let count = prompts.prompts.count * answer.choices
    guard count <= RequestLimits.choices else {
      throw FieldPath("n").error(
        "times \(prompts.prompts.count) prompts is \(count) answers, more than "
          + "\(RequestLimits.choices)", code: "out_of_range")
    }
  }

  enum CodingKeys: String, CodingKey { case prompt, echo, logprobs }
}
