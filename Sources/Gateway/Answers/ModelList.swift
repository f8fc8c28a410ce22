/// The answers to `GET /v1/models` and `GET /v1/models/{model}`.

/// The models that are served: one.
struct ModelList: Encodable, Sendable {
  struct Model: Encodable, Sendable {
    let id: String
    let object = "model"
    let created: Int
    let ownedBy = "chatspot"
    /// Token positions of prompt and answer together; vLLM's name for it.
    let maxModelLen: Int
    /// The notation that the model writes regions in.
    let notation: String

    enum CodingKeys: String, CodingKey {
      case id, object, created, notation
      case ownedBy = "owned_by"
      case maxModelLen = "max_model_len"
    }
  }

  let object = "list"
  let data: [Model]

  enum CodingKeys: String, CodingKey { case object, data }
}
