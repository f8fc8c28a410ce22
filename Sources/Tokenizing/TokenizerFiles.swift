/// The tokeniser files of one checkpoint directory, read whole within limits.
internal import FoundationEssentials

/// `tokenizer.model` as bytes and the four JSON files, each nil where the checkpoint has none.
/// Without `tokenizer.model` the vocabulary is `tokenizer.json`'s.
struct TokenizerFiles {
  /// The parts of `tokenizer.json` that are used; its copy of the vocabulary is skipped.
  struct TokenizerJSON: Decodable {
    var addedTokens: [JSONValue]?
    var normalizer: JSONValue?
    var preTokenizer: JSONValue?
    var decoder: JSONValue?

    private enum CodingKeys: String, CodingKey {
      case addedTokens = "added_tokens"
      case normalizer
      case preTokenizer = "pre_tokenizer"
      case decoder
    }
  }

  /// The path of `tokenizer.model`, for messages.
  let modelName: String
  let model: [UInt8]?
  let addedTokens: [String: JSONValue]?
  let configuration: [String: JSONValue]?
  let specialTokensMap: [String: JSONValue]?
  let tokenizer: TokenizerJSON?
  /// The vocabulary of `tokenizer.json`, read only where there is no `tokenizer.model`.
  let byteLevel: ByteLevelJSON?

  init(directory: URL) throws(TokenizingError) {
    let modelFile = directory.appending(path: "tokenizer.model")
    modelName = modelFile.path(percentEncoded: false)
    model = try Self.read(modelFile, bytesMax: TokenizingLimits.modelBytesMax).map { Array($0) }
    addedTokens = try Self.decode([String: JSONValue].self, directory, "added_tokens.json")
    configuration = try Self.decode([String: JSONValue].self, directory, "tokenizer_config.json")
    specialTokensMap = try Self.decode(
      [String: JSONValue].self, directory, "special_tokens_map.json")
    tokenizer = try Self.decode(TokenizerJSON.self, directory, "tokenizer.json")
    byteLevel =
      model == nil && tokenizer?.preTokenizer != nil
      ? try Self.decode(ByteLevelJSON.self, directory, "tokenizer.json") : nil
    guard model != nil || byteLevel?.isBPE == true else {
      throw TokenizingError(
        .fileMissing, "There is no tokenizer.model in \(directory.path(percentEncoded: false))",
        remedy: "Put the checkpoint's SentencePiece tokenizer.model there; "
          + "tokenizer.json alone does for Llama 3's kind.")
    }
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, _ directory: URL, _ name: String
  ) throws(TokenizingError) -> Value? {
    let file = directory.appending(path: name)
    guard let data = try read(file, bytesMax: TokenizingLimits.jsonBytesMax) else { return nil }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw TokenizingError(
        .malformedFile, "\(file.path(percentEncoded: false)) cannot be parsed: \(error)")
    }
  }

  /// The file's content, or nil if there is no such file. Only a regular file is opened, since a
  /// pipe or a device could block or never end.
  private static func read(_ file: URL, bytesMax: Int) throws(TokenizingError) -> Data? {
    let path = file.resolvingSymlinksInPath().path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let attributes: [FileAttributeKey: Any]
    do {
      attributes = try FileManager.default.attributesOfItem(atPath: path)
    } catch {
      throw TokenizingError(.fileUnreadable, "\(path) cannot be looked at: \(error)")
    }
    guard attributes[.type] as? FileAttributeType == .typeRegular else {
      throw TokenizingError(.fileUnreadable, "\(path) is not a regular file")
    }
    let bytes = (attributes[.size] as? UInt64) ?? UInt64.max
    guard bytes <= UInt64(bytesMax) else {
      throw TokenizingError(
        .limitExceeded, "\(path) has \(bytes) bytes; at most \(bytesMax) are read")
    }
    do {
      return try Data(contentsOf: URL(filePath: path))
    } catch {
      throw TokenizingError(.fileUnreadable, "\(path) cannot be read: \(error)")
    }
  }
}
