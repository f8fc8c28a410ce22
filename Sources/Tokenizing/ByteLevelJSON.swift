/// The vocabulary of a byte-level `tokenizer.json`.

/// The part `model` of the file, read only for tokenisers of Llama 3's kind.
struct ByteLevelJSON: Decodable {
  private struct Model: Decodable {
    let type: String?
    let vocab: [String: Int32]?
    let merges: [Pair]?
    let ignoresMerges: Bool?

    private enum CodingKeys: String, CodingKey {
      case type
      case vocab
      case merges
      case ignoresMerges = "ignore_merges"
    }
  }

  /// `["a", "b"]`, or "a b" in older files.
  private struct Pair: Decodable {
    let parts: [String]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        parts = text.split(separator: " ").map(String.init)
      } else {
        parts = try container.decode([String].self)
      }
    }
  }

  private let model: Model?

  /// Whether it is byte-pair encoding; SentencePiece's models have a file of their own.
  var isBPE: Bool { model?.type == "BPE" && model?.vocab != nil }
  var takesWholeWords: Bool { model?.ignoresMerges ?? false }

  /// Llama 3's expression, which `LlamaWords` follows.
  private static let words =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
    + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// Throws `unsupportedModel` unless text is cut as Llama 3 does it and then seen as bytes.
  func check(_ preTokenizer: JSONValue?, name: String) throws(TokenizingError) {
    let steps = preTokenizer?["pretokenizers"]?.array ?? []
    guard steps.count == 2, steps[0]["type"]?.string == "Split",
      steps[0]["pattern"]?["Regex"]?.string == Self.words,
      steps[0]["behavior"]?.string == "Isolated", steps[0]["invert"]?.bool != true,
      steps[1]["type"]?.string == "ByteLevel", steps[1]["add_prefix_space"]?.bool == false,
      steps[1]["use_regex"]?.bool == false
    else {
      throw TokenizingError(
        .unsupportedModel, "\(name) has a pre_tokenizer that is not Llama 3's",
        remedy: "Use a checkpoint of the Llama or Vicuna family.")
    }
  }

  /// The pieces in the order of their ids, which leave none out.
  func model(name: String) throws(TokenizingError) -> SentencePieceModel {
    let vocabulary = model?.vocab ?? [:]
    guard vocabulary.count <= TokenizingLimits.piecesMax else {
      throw TokenizingError(
        .limitExceeded,
        "\(name) has \(vocabulary.count) tokens; at most \(TokenizingLimits.piecesMax) are read")
    }
    let ordered = vocabulary.sorted { $0.value < $1.value }
    for (index, entry) in ordered.enumerated() {
      guard entry.value == index, !entry.key.isEmpty,
        entry.key.utf8.count <= TokenizingLimits.pieceBytesMax
      else {
        throw TokenizingError(
          .malformedFile,
          "\(name): the tokens' ids do not count from 0 without a gap, "
            + "or one is empty or too long, at \(entry.value)")
      }
    }
    return SentencePieceModel(
      pieces: ordered.map { ByteLevelAlphabet.piece($0.key) }, hasByteFallback: false, unknown: -1)
  }

  func merges(name: String) throws(TokenizingError) -> [(left: [UInt8], right: [UInt8])] {
    let pairs = model?.merges ?? []
    guard pairs.count <= TokenizingLimits.mergesMax else {
      throw TokenizingError(
        .limitExceeded,
        "\(name) has \(pairs.count) merges; at most \(TokenizingLimits.mergesMax) are read")
    }
    var merges: [(left: [UInt8], right: [UInt8])] = []
    merges.reserveCapacity(pairs.count)
    for pair in pairs {
      guard pair.parts.count == 2,
        let merge = ByteLevelAlphabet.merge(pair.parts[0], pair.parts[1])
      else {
        throw TokenizingError(
          .malformedFile, "\(name): merge \(merges.count) is not a pair of tokens")
      }
      merges.append(merge)
    }
    return merges
  }
}
