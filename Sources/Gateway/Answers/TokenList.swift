/// The answer to `POST /tokenize`, as vLLM has it.
struct TokenList: Encodable, Sendable {
  let count: Int
  let maxModelLen: Int
  let tokens: [Int32]

  enum CodingKeys: String, CodingKey {
    case count, tokens
    case maxModelLen = "max_model_len"
  }
}
