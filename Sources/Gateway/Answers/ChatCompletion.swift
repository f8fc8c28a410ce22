/// The answer to `POST /v1/chat/completions`, whole.

internal import Wire

/// OpenAI's chat completion; its messages carry the regions found in the text.
struct ChatCompletion: Encodable, Sendable {
  struct Message: Encodable, Sendable {
    let role = "assistant"
    let content: String
    let regions: [FoundRegion]

    enum CodingKeys: String, CodingKey { case role, content, regions }
  }

  struct Choice: Encodable, Sendable {
    let index: Int
    let message: Message
    let logprobs: ChatLogProbabilities?
    let finishReason: String

    enum CodingKeys: String, CodingKey {
      case index, message, logprobs
      case finishReason = "finish_reason"
    }
  }

  let id: String
  let object = "chat.completion"
  let created: Int
  let model: String
  let choices: [Choice]
  let usage: Usage

  /// - Parameter tokens: of each answer, if log-probabilities were asked for.
  init(_ head: AnswerHead, answers: [Answer], tokens: [[AnswerToken]]?) {
    id = head.id
    created = head.created
    model = head.model
    choices = answers.enumerated().map { index, answer in
      Choice(
        index: index,
        message: Message(
          content: answer.text, regions: answer.regions.map { FoundRegion($0) }),
        logprobs: tokens.map { ChatLogProbabilities($0[index]) },
        finishReason: answer.finishReason.apiName)
    }
    usage = Usage(answers, choices: max(1, answers.count))
  }

  enum CodingKeys: String, CodingKey { case id, object, created, model, choices, usage }
}

extension Answer.FinishReason {
  var apiName: String {
    switch self {
    case .stop: "stop"
    case .length: "length"
    }
  }
}
