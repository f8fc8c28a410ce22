/// How many tokens a request took.

internal import Wire

/// OpenAI's `usage`. A prompt that is answered several times counts once.
struct Usage: Encodable, Sendable, Equatable {
  struct PromptDetails: Encodable, Sendable, Equatable {
    var cachedTokens = 0
    var imageTokens = 0

    enum CodingKeys: String, CodingKey {
      case cachedTokens = "cached_tokens"
      case imageTokens = "image_tokens"
    }
  }

  var promptTokens = 0
  var completionTokens = 0
  var totalTokens = 0
  var promptTokensDetails = PromptDetails()

  /// - Parameters:
  ///   - answers: all answers of the request.
  ///   - choices: how many answers each prompt has; they stand together.
  init(_ answers: [Answer], choices: Int) {
    for (index, answer) in answers.enumerated() {
      completionTokens += answer.newTokens
      guard index.isMultiple(of: choices) else { continue }
      promptTokens += answer.promptTokens
      promptTokensDetails.cachedTokens += answer.cachedTokens
      promptTokensDetails.imageTokens += answer.imageTokens
    }
    totalTokens = promptTokens + completionTokens
  }

  enum CodingKeys: String, CodingKey {
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
    case totalTokens = "total_tokens"
    case promptTokensDetails = "prompt_tokens_details"
  }
}
