/// `logprobs` of a chat completion.

internal import Wire

/// The tokens of an answer with their log-probabilities.
struct ChatLogProbabilities: Encodable, Sendable, Equatable {
  struct Likelihood: Encodable, Sendable, Equatable {
    let token: String
    let logprob: Double
    let bytes: [UInt8]
  }

  struct Token: Encodable, Sendable, Equatable {
    let token: String
    let logprob: Double
    let bytes: [UInt8]
    let topLogprobs: [Likelihood]

    enum CodingKeys: String, CodingKey {
      case token, logprob, bytes
      case topLogprobs = "top_logprobs"
    }
  }

  let content: [Token]

  init(_ tokens: [AnswerToken]) {
    content = tokens.map { token in
      Token(
        token: String(decoding: token.bytes, as: UTF8.self), logprob: token.logProbability.told,
        bytes: token.bytes,
        topLogprobs: token.likeliest.map {
          Likelihood(
            token: String(decoding: $0.bytes, as: UTF8.self), logprob: $0.logProbability.told,
            bytes: $0.bytes)
        })
    }
  }
}

extension Float {
  /// A log-probability as it is told: JSON knows no infinity, and OpenAI's API says -9999.
  var told: Double { isFinite ? Double(self) : -9999 }
}
