/// The answer to `POST /v1/completions`, whole.

internal import Wire

/// OpenAI's text completion.
struct TextCompletion: Encodable, Sendable {
  struct Choice: Encodable, Sendable {
    let index: Int
    let text: String
    let logprobs: CompletionLogProbabilities?
    let finishReason: String
    let regions: [FoundRegion]

    enum CodingKeys: String, CodingKey {
      case index, text, logprobs, regions
      case finishReason = "finish_reason"
    }
  }

  let id: String
  let object = "text_completion"
  let created: Int
  let model: String
  let choices: [Choice]
  let usage: Usage

  /// - Parameters:
  ///   - tokens: of each answer, if log-probabilities were asked for.
  ///   - echoes: what each answer begins with.
  ///   - perPrompt: answers of each prompt.
  init(
    _ head: AnswerHead, answers: [Answer], tokens: [[AnswerToken]]?, echoes: [String],
    perPrompt: Int
  ) {
    id = head.id
    created = head.created
    model = head.model
    choices = answers.enumerated().map { index, answer in
      var offset = 0
      return Choice(
        index: index, text: echoes[index] + answer.text,
        logprobs: tokens.map { CompletionLogProbabilities($0[index], offset: &offset) },
        finishReason: answer.finishReason.apiName,
        regions: answer.regions.map { FoundRegion($0) })
    }
    usage = Usage(answers, choices: perPrompt)
  }

  enum CodingKeys: String, CodingKey { case id, object, created, model, choices, usage }
}
