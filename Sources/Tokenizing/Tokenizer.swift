/// From text to token ids and back, as Hugging Face's Llama tokenisers do it.
public import FoundationEssentials

/// The tokeniser of one checkpoint: a SentencePiece BPE model, or Llama 3's byte-level BPE, with
/// added tokens.
///
/// Source matched: Hugging Face `tokenizers` 0.23 on a Llama `tokenizer.json`, bit for bit. Where
/// text gets its "▁" prefix is the checkpoint's choice, see `prefixesEverySegment`.
///
/// Values share one immutable vocabulary: copying is cheap, and every function may be called from
/// any thread.
public struct Tokenizer: Sendable {
  let vocabulary: PieceIndex
  let added: AddedTokens
  let rules: TextRules
  let processor: any SegmentEncoder

  /// One more than the largest id of a piece or an added token. A model may have more embedding
  /// rows.
  public let vocabularySize: Int
  /// The id of `<s>`, if the checkpoint has one.
  public let beginningOfSequence: Int32?
  /// The id of `</s>`, if the checkpoint has one.
  public let endOfSequence: Int32?
  /// The id of `<unk>`, for text that no piece covers (never with byte fallback); -1 where there is
  /// none.
  public let unknown: Int32

  /// Loads the tokeniser of a checkpoint from `tokenizer.model` and what is there of
  /// `tokenizer.json`, `tokenizer_config.json`, `added_tokens.json` and `special_tokens_map.json`.
  /// Without `tokenizer.model` the vocabulary of a `tokenizer.json` of Llama 3's kind is taken.
  ///
  /// - Throws: `fileMissing` without either; `fileUnreadable`, `limitExceeded`;
  /// `malformedModel` and `unsupportedModel` for anything but a sound BPE model without a character
  /// map; `malformedFile` for JSON that cannot be read; `inconsistentVocabulary` for files that
  /// give one token two ids.
  public init(directory: URL) throws(TokenizingError) {
    let files = try TokenizerFiles(directory: directory)
    if let model = files.model {
      try self.init(sentencePieces: model, files)
    } else {
      try self.init(byteLevel: files)
    }
  }

  /// A tokeniser of parts that fit together.
  init(
    vocabulary: PieceIndex, added: AddedTokens, rules: TextRules, processor: any SegmentEncoder,
    beginningOfSequence: Int32?, endOfSequence: Int32?
  ) {
    self.vocabulary = vocabulary
    self.added = added
    self.rules = rules
    self.processor = processor
    self.beginningOfSequence = beginningOfSequence
    self.endOfSequence = endOfSequence
    unknown = vocabulary.model.unknown
    vocabularySize = max(vocabulary.model.pieces.count, Int(added.tokens.last?.id ?? -1) + 1)
  }

  /// Whether each text between added tokens gets a "▁" before it (legacy Llama, LLaVA-1.5), and not
  /// only the start of the prompt.
  public var prefixesEverySegment: Bool {
    rules.prefix == .everySegment || rules.prefix == .everySegmentUnlessSpaced
  }

  /// The id of a token by its exact text (`<image>`, `▁red`), scalar for scalar. Added tokens
  /// first.
  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    return added[bytes]?.id ?? vocabulary.id(of: bytes)
  }

  /// The token's own text (`<image>`, `▁red`, `<0x0A>`), or nil for an id that has none.
  public func text(of id: Int32) -> String? {
    (added[id]?.content ?? vocabulary[id]?.bytes).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether `id` is a control token (`<s>`, `<image>`, `<unk>` …), which `decode` leaves out.
  public func isControl(_ id: Int32) -> Bool {
    if let token = added[id] { return token.isSpecial }
    let kind = vocabulary[id]?.kind
    return kind == .control || kind == .unknown
  }

  /// Whether `id` is an added token, special or not. `encode` returns none, unless it is `unknown`.
  public func isAdded(_ id: Int32) -> Bool { added[id] != nil }
}
