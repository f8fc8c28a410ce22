/// The tokenisers of Hugging Face's directories.

extension Tokenizer {
  /// From `tokenizer.model`.
  init(sentencePieces bytes: [UInt8], _ files: TokenizerFiles) throws(TokenizingError) {
    let model = try SentencePieceModel(parsing: bytes, name: files.modelName)
    let (vocabulary, rules) = (PieceIndex(model), try TextRules(files))
    let added = try AddedTokens(files, vocabulary, rules: rules)
    let roles = SpecialTokenRoles(files)
    self.init(
      vocabulary: vocabulary, added: added, rules: rules,
      processor: try SentencePieceProcessor(
        serializedModel: model.serialized(hiding: Set(added.tokens.map(\.id))),
        name: files.modelName),
      beginningOfSequence: Self.id(
        "bos_token", roles, vocabulary, added, otherwise: model.beginningOfSequence),
      endOfSequence: Self.id(
        "eos_token", roles, vocabulary, added, otherwise: model.endOfSequence))
  }

  /// Llama 3's: vocabulary and merges from `tokenizer.json`.
  init(byteLevel files: TokenizerFiles) throws(TokenizingError) {
    let name = "tokenizer.json"
    guard let json = files.byteLevel else {
      throw TokenizingError(.fileMissing, "There is no \(name) with a byte-level vocabulary")
    }
    try json.check(files.tokenizer?.preTokenizer, name: name)
    let vocabulary = PieceIndex(try json.model(name: name))
    let added = try AddedTokens(files, vocabulary, rules: .byteLevel)
    let roles = SpecialTokenRoles(files)
    self.init(
      vocabulary: vocabulary, added: added, rules: .byteLevel,
      processor: try ByteLevelEncoder(
        vocabulary, merges: json.merges(name: name), takesWholeWords: json.takesWholeWords,
        name: name),
      beginningOfSequence: Self.id("bos_token", roles, vocabulary, added, otherwise: nil),
      endOfSequence: Self.id("eos_token", roles, vocabulary, added, otherwise: nil))
  }

  /// The id of a role's token: what the files name, or the model's own if they don't speak of it.
  private static func id(
    _ role: String, _ roles: SpecialTokenRoles, _ vocabulary: PieceIndex, _ added: AddedTokens,
    otherwise: Int32?
  ) -> Int32? {
    guard let content = roles.content(of: role) else { return otherwise }
    return content.flatMap { added[$0]?.id ?? vocabulary.id(of: $0) }
  }
}
