/// `stream_options`: what a stream holds besides text.
struct StreamOptions: Decodable, Sendable, Equatable {
  /// Whether a last chunk counts the tokens.
  var includesUsage = false

  init() {}

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    includesUsage = try fields.optional(.includesUsage) ?? false
  }

  enum CodingKeys: String, CodingKey { case includesUsage = "include_usage" }
}
