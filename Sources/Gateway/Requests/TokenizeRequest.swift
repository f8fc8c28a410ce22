/// The body of `POST /tokenize`, as vLLM has it.

struct TokenizeRequest: Decodable, Sendable {
  let model: String?
  let prompt: String
  /// Whether the token that begins a sequence stands first.
  let addsSpecial: Bool

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    model = try fields.optional(.model)
    prompt = try fields.required(.prompt, as: String.self)
    try fields.path(.prompt).checkText(prompt)
    addsSpecial = try fields.optional(.addsSpecial) ?? true
  }

  enum CodingKeys: String, CodingKey {
    case model, prompt
    case addsSpecial = "add_special_tokens"
  }
}
