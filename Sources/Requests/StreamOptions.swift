/// `stream_options`: what a stream holds besides text.
package struct StreamOptions: Decodable, Sendable, Equatable {
  /// Whether a last chunk counts the tokens.
  package var includesUsage = false

  package init() {}

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    includesUsage = try fields.optional(.includesUsage) ?? false
  }

  enum CodingKeys: String, CodingKey { case includesUsage = "include_usage" }
}
