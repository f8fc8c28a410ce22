/// The tokeniser of a GGUF file, from its metadata.
public import Checkpoints

extension Tokenizer {
  /// The tokeniser of a checkpoint: of its files, or of its GGUF file's metadata.
  ///
  /// Throws as `init(directory:)` and `init(metadata:)` do.
  public init(of checkpoint: Checkpoint) throws(TokenizingError) {
    if let metadata = checkpoint.tokenizerMetadata {
      try self.init(metadata: metadata)
    } else {
      try self.init(directory: checkpoint.location)
    }
  }

  /// From the keys `tokenizer.ggml.…`: a SentencePiece vocabulary (model "llama"), or Llama 3's
  /// byte-level one (model "gpt2", pre-tokeniser "llama-bpe").
  ///
  /// - Throws: `fileMissing` where the file has no tokeniser; `unsupportedModel` for other kinds;
  /// `malformedModel`, `malformedFile`, `limitExceeded`.
  public init(metadata: GGUFMetadata) throws(TokenizingError) {
    let fields = try TokenizerMetadata(metadata)
    switch fields.model {
    case "llama": try self.init(sentencePieces: fields)
    case "gpt2": try self.init(byteLevel: fields)
    default:
      throw fields.unsupported("the tokeniser is of the kind \"\(fields.model.prefix(40))\"")
    }
  }

  private init(sentencePieces fields: TokenizerMetadata) throws(TokenizingError) {
    var draft = SentencePieceDraft(name: fields.path)
    draft.remedy = "Fetch the file again, or convert the model again"
    (draft.hasTrainerSpec, draft.hasNormalizerSpec, draft.modelType) = (true, true, 2)
    draft.pieces = try fields.pieces()
    draft.hasByteFallback = draft.pieces.contains { $0.kind == .byte }
    (draft.beginning, draft.end) = (fields.beginning ?? -1, fields.end ?? -1)
    let model = try draft.checked()
    // llama.cpp puts a space before each text between special tokens, or nowhere.
    let prefixes = try fields.flag("add_space_prefix", default: true)
    let rules = TextRules(
      prefix: prefixes ? .everySegment : .never, isNormalizer: true, stripsLeadingSpace: prefixes)
    let added = fields.added(model)
    self.init(
      vocabulary: PieceIndex(model), added: AddedTokens(added, rules: rules), rules: rules,
      processor: try SentencePieceProcessor(
        serializedModel: model.serialized(hiding: Set(added.map(\.id))), name: fields.path),
      beginningOfSequence: fields.beginning, endOfSequence: fields.end)
  }

  private init(byteLevel fields: TokenizerMetadata) throws(TokenizingError) {
    let known = ["llama-bpe", "llama3", "llama-v3"]
    let pre = try fields.text("pre") ?? "default"
    guard known.contains(pre) else {
      throw fields.unsupported("the pre-tokeniser is \"\(pre.prefix(40))\", not \"\(known[0])\"")
    }
    // Tokens of text are written in the alphabet of bytes; others than those no text becomes.
    var pieces = try fields.pieces()
    for id in pieces.indices where pieces[id].kind == .normal {
      pieces[id] = ByteLevelAlphabet.piece(String(decoding: pieces[id].bytes, as: UTF8.self))
    }
    let model = SentencePieceModel(
      pieces: pieces, hasByteFallback: false, unknown: -1, beginningOfSequence: fields.beginning,
      endOfSequence: fields.end)
    let vocabulary = PieceIndex(model)
    let merges = try fields.merges()
    self.init(
      vocabulary: vocabulary, added: AddedTokens(fields.added(model), rules: .byteLevel),
      rules: .byteLevel,
      processor: try ByteLevelEncoder(vocabulary, merges: merges, name: fields.path),
      beginningOfSequence: fields.beginning, endOfSequence: fields.end)
  }
}
