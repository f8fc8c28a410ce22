/// Reading added tokens from a checkpoint's files, with the precedence of Hugging Face
/// transformers.
///
/// A token listed in several files takes its flags from the first of 1. `tokenizer_config.json`,
/// `added_tokens_decoder`; 2. `tokenizer.json`, `added_tokens`; 3. `added_tokens.json` (not read if
/// 1 is there): special if it is named in the special-tokens map; 4. without `tokenizer.json`: the
/// model's control pieces (special) and user-defined pieces (not).
///
/// Tokens with a role (`bos_token`, `pad_token` …, from `special_tokens_map.json`, or if 1 is there
/// or the map has none, from `tokenizer_config.json`) are special; those in no list get the id of
/// the piece that they name, or the next free one. Without `tokenizer.json` the unknown piece is
/// special.
///
/// Ids are those that the files give. Where transformers would quietly renumber a token because its
/// id contradicts the vocabulary, loading fails instead.

extension AddedTokens {
  init(_ files: TokenizerFiles, _ vocabulary: PieceIndex, rules: TextRules)
    throws(TokenizingError)
  {
    var collector = Collector(vocabulary: vocabulary)
    let roles = SpecialTokenRoles(files)
    let decoder = files.configuration?["added_tokens_decoder"]?.object
    for (id, token) in decoder ?? [:] {
      guard let id = Int32(id) else {
        throw Self.malformed("tokenizer_config.json", "added_tokens_decoder has the id \"\(id)\"")
      }
      try collector.add(Self.token(token, id: id, file: "tokenizer_config.json"))
    }
    for token in files.tokenizer?.addedTokens ?? [] {
      try collector.add(Self.token(token, id: token["id"]?.tokenID, file: "tokenizer.json"))
    }
    if decoder == nil {
      for (content, id) in files.addedTokens ?? [:] {
        let isSpecial = roles.special.contains(Array(content.utf8))
        guard let id = id.tokenID else {
          throw Self.malformed("added_tokens.json", "\"\(content)\" has no whole number as its id")
        }
        try collector.add(
          AddedToken(
            id: id, content: Array(content.utf8), isSpecial: isSpecial, isNormalized: !isSpecial))
      }
    }
    if files.tokenizer == nil {
      for (id, piece) in vocabulary.model.pieces.enumerated() {
        guard piece.kind == .control || piece.kind == .userDefined else { continue }
        try collector.add(
          AddedToken(id: Int32(id), content: piece.bytes, isSpecial: piece.kind == .control))
      }
    }
    try collector.addRoles(roles)
    if files.tokenizer == nil {
      let unknown = vocabulary.model.unknown
      try collector.add(
        AddedToken(
          id: unknown, content: vocabulary.model.pieces[Int(unknown)].bytes, isSpecial: true))
    }
    self.init(Array(collector.tokens.values), rules: rules)
  }

  private static func token(_ value: JSONValue, id: Int32?, file: String)
    throws(TokenizingError) -> AddedToken
  {
    guard let id, let token = AddedToken(value, id: id) else {
      throw malformed(file, "an added token has no content or no id")
    }
    return token
  }

  private static func malformed(_ file: String, _ cause: String) -> TokenizingError {
    TokenizingError(.malformedFile, "\(file): \(cause)")
  }
}

extension AddedToken {
  /// From a string or a serialized `tokenizers.AddedToken`; nil without content.
  fileprivate init?(_ value: JSONValue, id: Int32, isSpecial: Bool = false) {
    guard let content = value.tokenContent else { return nil }
    let isSpecial = isSpecial || value["special"]?.bool ?? false
    self.init(
      id: id, content: Array(content.utf8), isSpecial: isSpecial,
      isNormalized: value["normalized"]?.bool ?? !isSpecial,
      stripsLeft: value["lstrip"]?.bool ?? false, stripsRight: value["rstrip"]?.bool ?? false,
      isSingleWord: value["single_word"]?.bool ?? false)
  }
}

/// Gathers tokens; the first that names a content wins.
private struct Collector {
  let vocabulary: PieceIndex
  private(set) var tokens: [[UInt8]: AddedToken] = [:]
  private var contents: [Int32: [UInt8]] = [:]

  init(vocabulary: PieceIndex) { self.vocabulary = vocabulary }

  mutating func add(_ token: AddedToken) throws(TokenizingError) {
    // Hugging Face ignores empty added tokens.
    guard !token.content.isEmpty, tokens[token.content] == nil else { return }
    let name = String(decoding: token.content.prefix(64), as: UTF8.self)
    guard tokens.count < TokenizingLimits.addedTokensMax,
      token.content.count <= TokenizingLimits.pieceBytesMax,
      (0...TokenizingLimits.tokenIDMax).contains(token.id)
    else {
      throw TokenizingError(
        .limitExceeded, "The added token \"\(name)\" (id \(token.id)) is beyond the limits")
    }
    let pieceID = vocabulary.id(of: token.content)
    let isPlace = vocabulary.model.pieces.indices.contains(Int(token.id))
    guard isPlace ? pieceID == token.id : pieceID == nil, contents[token.id] == nil else {
      throw TokenizingError(
        .inconsistentVocabulary,
        "The added token \"\(name)\" is given the id \(token.id), which "
          + (pieceID.map { "contradicts tokenizer.model, where it is \($0)" }
            ?? "belongs to another token"),
        remedy: "Use tokeniser files that all come from the same checkpoint.")
    }
    guard pieceID.map({ vocabulary.model.pieces[Int($0)].kind }) != .byte else {
      throw TokenizingError(
        .inconsistentVocabulary, "The added token \"\(name)\" is a byte piece of tokenizer.model")
    }
    tokens[token.content] = token
    contents[token.id] = token.content
  }

  /// Marks what has a role as special and adds what no list has.
  mutating func addRoles(_ roles: SpecialTokenRoles) throws(TokenizingError) {
    for content in roles.special { tokens[content]?.isSpecial = true }
    for value in roles.listed {
      let afterAll = max(Int32(vocabulary.model.pieces.count), (contents.keys.max() ?? -1) + 1)
      guard let content = value.tokenContent.map({ Array($0.utf8) }),
        let token = AddedToken(
          value, id: vocabulary.id(of: content) ?? afterAll, isSpecial: true)
      else { continue }
      try add(token)
    }
  }
}
