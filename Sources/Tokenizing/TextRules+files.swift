/// Reading the text rules from a checkpoint's files.

extension TextRules {
  /// - Throws: `unsupportedModel` if `tokenizer.json` describes something other than a Llama
  /// tokeniser.
  init(_ files: TokenizerFiles) throws(TokenizingError) {
    if let tokenizer = files.tokenizer {
      self = try TextRules(
        normalizer: tokenizer.normalizer, preTokenizer: tokenizer.preTokenizer,
        decoder: tokenizer.decoder)
      return
    }
    let isLegacy = files.configuration?["legacy"]?.bool ?? true
    let addsPrefix = files.configuration?["add_prefix_space"]?.bool ?? true
    let prefix: Prefix = !addsPrefix ? .never : isLegacy ? .everySegment : .firstSegment
    self.init(prefix: prefix, isNormalizer: isLegacy, stripsLeadingSpace: addsPrefix)
  }

  /// From the three parts of a `tokenizer.json`.
  init(normalizer: JSONValue?, preTokenizer: JSONValue?, decoder: JSONValue?)
    throws(TokenizingError)
  {
    let strips = try Self.stripsLeadingSpace(decoder)
    let normalizers = Self.steps(normalizer, list: "normalizers")
    let preTokenizers = Self.steps(preTokenizer, list: "pretokenizers")
    if normalizers.isEmpty, preTokenizers.count == 1, let step = preTokenizers.first,
      step["type"]?.string == "Metaspace", step["replacement"]?.string == "▁"
    {
      self.init(
        prefix: try Self.prefix(ofMetaspace: step), isNormalizer: false,
        splitsAtSpaces: step["split"]?.bool ?? true, stripsLeadingSpace: strips)
      return
    }
    let replacesSpaces = normalizers.last.map(Self.isSpaceReplacement) ?? false
    let prepends = normalizers.first.map(Self.isPrefix) ?? false
    guard preTokenizers.isEmpty, replacesSpaces, normalizers.count == (prepends ? 2 : 1) else {
      throw TokenizingError(
        .unsupportedModel,
        "tokenizer.json has a normalizer or pre_tokenizer that is not Llama's "
          + "(Prepend and Replace, or Metaspace)",
        remedy: "Use a checkpoint of the Llama or Vicuna family.")
    }
    self.init(
      prefix: prepends ? .everySegment : .never, isNormalizer: true, stripsLeadingSpace: strips)
  }

  /// The parts of a step that may be null, one, or a `Sequence` of several.
  private static func steps(_ value: JSONValue?, list: String) -> [JSONValue] {
    guard let value, value != .null else { return [] }
    return value["type"]?.string == "Sequence" ? value[list]?.array ?? [value] : [value]
  }

  private static func isPrefix(_ step: JSONValue) -> Bool {
    step["type"]?.string == "Prepend" && step["prepend"]?.string == "▁"
  }

  private static func isSpaceReplacement(_ step: JSONValue) -> Bool {
    step["type"]?.string == "Replace" && step["pattern"]?["String"]?.string == " "
      && step["content"]?.string == "▁"
  }

  private static func prefix(ofMetaspace step: JSONValue) throws(TokenizingError) -> Prefix {
    // Files of before `prepend_scheme` say `add_prefix_space`.
    if step["prepend_scheme"] == nil, step["add_prefix_space"]?.bool == false { return .never }
    switch step["prepend_scheme"]?.string ?? "always" {
    case "always": return .everySegmentUnlessSpaced
    case "first": return .firstSegment
    case "never": return .never
    case let scheme:
      throw TokenizingError(
        .malformedFile, "tokenizer.json has the unknown prepend_scheme \"\(scheme)\"")
    }
  }

  /// Whether Llama's decoder (Replace, ByteFallback, Fuse, perhaps Strip) ends in a Strip.
  private static func stripsLeadingSpace(_ decoder: JSONValue?) throws(TokenizingError) -> Bool {
    let steps = steps(decoder, list: "decoders")
    let types = steps.map { $0["type"]?.string ?? "" }
    if types == ["Replace", "ByteFallback", "Fuse"] { return false }
    if types == ["Replace", "ByteFallback", "Fuse", "Strip"], let strip = steps.last,
      strip["content"]?.string == " ", strip["start"] == .number(1), strip["stop"] == .number(0)
    {
      return true
    }
    throw TokenizingError(
      .unsupportedModel,
      "tokenizer.json has a decoder that is not Llama's "
        + "(Replace, ByteFallback, Fuse, Strip): \(types)",
      remedy: "Use a checkpoint of the Llama or Vicuna family.")
  }
}
