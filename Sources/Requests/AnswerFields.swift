/// What chat and text completions ask of an answer besides its sampling.

/// The model, the length, the number of answers, and how they are delivered.
package struct AnswerFields: Decodable, Sendable, Equatable {
  package var model: String?
  /// Most tokens of each answer; nil where the request does not say.
  package var newTokensMax: Int?
  package var choices = 1
  package var stop = StopSequences()
  package var streams = false
  package var streamOptions = StreamOptions()
  package var user = ""
  /// Whether the answer is made and kept even if the client hangs up.
  package var stores = false

  package init() {}

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    model = try fields.optional(.model)
    let tokens = 1...RequestLimits.newTokens
    newTokensMax =
      try fields.optional(.maxCompletionTokens, in: tokens)
      ?? fields.optional(
        .maxTokens, in: tokens)
    choices = try fields.optional(.n, in: 1...RequestLimits.choices) ?? 1
    stop = try fields.optional(.stop) ?? StopSequences()
    streams = try fields.optional(.stream) ?? false
    streamOptions = try fields.optional(.streamOptions) ?? StreamOptions()
    stores = try fields.optional(.store) ?? false
    user = try fields.optional(.user) ?? ""
    guard user.utf8.count <= RequestLimits.userBytes, !user.utf8.contains(0) else {
      throw fields.path(.user).error(
        "is \(user.utf8.count) bytes; at most \(RequestLimits.userBytes), none of them zero, "
          + "are allowed", code: "out_of_range")
    }
  }

  enum CodingKeys: String, CodingKey {
    case model, n, stop, store, stream, user
    case maxTokens = "max_tokens"
    case maxCompletionTokens = "max_completion_tokens"
    case streamOptions = "stream_options"
  }
}
