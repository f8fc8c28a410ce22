/// What a GGUF file's metadata say of its tokeniser, read within limits.
internal import Checkpoints

/// The keys `tokenizer.ggml.…`.
struct TokenizerMetadata {
  let path: String
  /// The kind of tokeniser, such as "llama".
  let model: String
  let beginning: Int32?
  let end: Int32?
  private let metadata: GGUFMetadata
  private let tokens: [[UInt8]]

  init(_ metadata: GGUFMetadata) throws(TokenizingError) {
    self.metadata = metadata
    path = metadata.path
    guard
      let model = try Self.read({ () throws(CheckpointError) in
        try metadata.string("tokenizer.ggml.model")
      }),
      let tokens = try Self.read({ () throws(CheckpointError) in
        try metadata.texts("tokenizer.ggml.tokens")
      })
    else {
      throw TokenizingError(
        .fileMissing, "\(metadata.path) has no tokeniser",
        remedy: "Its metadata must have tokenizer.ggml.model and tokenizer.ggml.tokens")
    }
    guard !tokens.isEmpty, tokens.count <= TokenizingLimits.piecesMax else {
      throw TokenizingError(
        .limitExceeded,
        "\(metadata.path) has \(tokens.count) tokens; 1 to \(TokenizingLimits.piecesMax) are read")
    }
    self.model = model
    self.tokens = tokens
    beginning = try Self.token("bos", metadata, of: tokens.count)
    end = try Self.token("eos", metadata, of: tokens.count)
  }

  /// The tokens as pieces, as the file writes them.
  func pieces() throws(TokenizingError) -> [SentencePiece] {
    let scores = try list("scores") { () throws(CheckpointError) in
      try metadata.numbers("tokenizer.ggml.scores")
    }
    let kinds = try list("token_type") { () throws(CheckpointError) in
      try metadata.integers("tokenizer.ggml.token_type")
    }
    var pieces: [SentencePiece] = []
    pieces.reserveCapacity(tokens.count)
    for (id, token) in tokens.enumerated() {
      guard token.count <= TokenizingLimits.pieceBytesMax, !token.isEmpty else {
        throw TokenizingError(
          .limitExceeded,
          "Token \(id) of \(path) has \(token.count) bytes; "
            + "1 to \(TokenizingLimits.pieceBytesMax) are read")
      }
      let raw = kinds?[id] ?? Int(SentencePiece.Kind.normal.rawValue)
      // 0 is "undefined", which llama.cpp takes for ordinary text.
      let kind: SentencePiece.Kind? =
        raw == 0 ? .normal : UInt64(exactly: raw).flatMap { SentencePiece.Kind(rawValue: $0) }
      guard let kind else {
        throw TokenizingError(.malformedFile, "Token \(id) of \(path) has the unknown type \(raw)")
      }
      pieces.append(SentencePiece(bytes: token, score: Float(scores?[id] ?? 0), kind: kind))
    }
    return pieces
  }

  /// Control tokens, and those that text is cut at, as added tokens.
  func added(_ model: SentencePieceModel) -> [AddedToken] {
    var contents = Set<[UInt8]>()
    var added: [AddedToken] = []
    for (id, piece) in model.pieces.enumerated() {
      guard [.control, .userDefined, .unknown].contains(piece.kind),
        contents.insert(piece.bytes).inserted
      else { continue }
      added.append(
        AddedToken(id: Int32(id), content: piece.bytes, isSpecial: piece.kind != .userDefined))
    }
    return added
  }

  /// The merges of a byte-level tokeniser, as bytes.
  func merges() throws(TokenizingError) -> [(left: [UInt8], right: [UInt8])] {
    let texts =
      try Self.read { () throws(CheckpointError) in try metadata.texts("tokenizer.ggml.merges") }
      ?? []
    guard texts.count <= TokenizingLimits.mergesMax else {
      throw TokenizingError(
        .limitExceeded,
        "\(path) has \(texts.count) merges; at most \(TokenizingLimits.mergesMax) are read")
    }
    var merges: [(left: [UInt8], right: [UInt8])] = []
    merges.reserveCapacity(texts.count)
    for text in texts {
      let parts = String(decoding: text, as: UTF8.self).split(separator: " ")
      guard parts.count == 2, let merge = ByteLevelAlphabet.merge(parts[0], parts[1]) else {
        throw TokenizingError(
          .malformedFile, "Merge \(merges.count) of \(path) is not a pair of tokens")
      }
      merges.append(merge)
    }
    return merges
  }

  func text(_ key: String) throws(TokenizingError) -> String? {
    try Self.read { () throws(CheckpointError) in try metadata.string("tokenizer.ggml.\(key)") }
  }

  func flag(_ key: String, default fallback: Bool) throws(TokenizingError) -> Bool {
    try Self.read { () throws(CheckpointError) in
      try metadata.bool("tokenizer.ggml.\(key)", default: fallback)
    }
  }

  func unsupported(_ cause: String) -> TokenizingError {
    TokenizingError(
      .unsupportedModel, "\(path): \(cause)",
      remedy: "Tokenisers of Llama, Vicuna (\"llama\") and Llama 3 (\"gpt2\") are served.")
  }

  /// A list with an item for each token; nil if there is none.
  private func list<Item>(
    _ name: String, _ body: () throws(CheckpointError) -> [Item]?
  ) throws(TokenizingError) -> [Item]? {
    guard let items = try Self.read(body) else { return nil }
    guard items.count == tokens.count else {
      throw TokenizingError(
        .malformedFile,
        "\(path): tokenizer.ggml.\(name) has \(items.count) items; there are \(tokens.count) tokens"
      )
    }
    return items
  }

  private static func token(
    _ role: String, _ metadata: GGUFMetadata, of count: Int
  ) throws(TokenizingError) -> Int32? {
    let key = "tokenizer.ggml.\(role)_token_id"
    guard metadata.has(key) else { return nil }
    return Int32(
      try read { () throws(CheckpointError) in try metadata.integer(key, in: 0...(count - 1)) })
  }

  private static func read<Value>(
    _ body: () throws(CheckpointError) -> Value
  ) throws(TokenizingError) -> Value {
    do throws(CheckpointError) {
      return try body()
    } catch {
      throw TokenizingError(.malformedFile, error.message, remedy: error.remedy)
    }
  }
}
