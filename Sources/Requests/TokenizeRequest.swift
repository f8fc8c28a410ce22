/// The body of `POST /tokenize`, as vLLM has it.

package struct TokenizeRequest: Decodable, Sendable {
  package let model: String?
  package let prompt: String
  /// Whether the token that begins a sequence stands first.
  package let addsSpecial: Bool

  package init(from decoder: any Decoder) throws {
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
