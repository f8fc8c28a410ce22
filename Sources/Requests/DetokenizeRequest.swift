/// The body of `POST /detokenize`, as vLLM has it.

package struct DetokenizeRequest: Decodable, Sendable {
  package let model: String?
  package let tokens: [Int32]

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    model = try fields.optional(.model)
    tokens = try fields.required(.tokens, as: [Int32].self)
    guard tokens.count <= RequestLimits.promptTokens, tokens.allSatisfy({ $0 >= 0 }) else {
      throw fields.path(.tokens).error(
        "must hold at most \(RequestLimits.promptTokens) tokens, none below 0",
        code: "out_of_range")
    }
  }

  enum CodingKeys: String, CodingKey { case model, tokens }
}
