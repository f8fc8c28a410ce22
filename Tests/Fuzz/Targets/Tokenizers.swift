internal import Foundation
internal import Tokenizing

private let model = InputFile("sentencepiece/tokenizer.model")
private let json = InputFile("tokenizer-json/tokenizer.json")

/// A SentencePiece model.
func trySentencePiece(_ bytes: [UInt8]) {
  model.write(bytes)
  guard let tokenizer = try? Tokenizer(directory: model.url.deletingLastPathComponent()) else {
    return
  }
  tryTexts(tokenizer)
}

/// A tokenizer.json with a vocabulary of its own.
func tryTokenizerJSON(_ bytes: [UInt8]) {
  json.write(bytes)
  guard let tokenizer = try? Tokenizer(directory: json.url.deletingLastPathComponent()) else {
    return
  }
  tryTexts(tokenizer)
}

/// Encodes and decodes: no id is out of the vocabulary, and none that stands for a command.
func tryTexts(_ tokenizer: Tokenizer) {
  for text in ["a red box at [0.1, 0.25]", "</s><image> ▁ ünï 本\u{0}\n  \u{1F600}", "zzzz"] {
    let ids = tokenizer.encode(text, atStart: true)
    for id in ids {
      require(id >= -1 && Int(id) < tokenizer.vocabularySize, "\(id) is in no vocabulary")
      require(
        !tokenizer.isAdded(id) || id == tokenizer.unknown,
        "plain text became the added token \(id)")
      _ = tokenizer.spelling(of: id)
    }
    _ = tokenizer.decode(ids)
    _ = tokenizer.decode(tokenizer.encodeAsHuggingFace(text, addBeginning: true))
  }
  _ = tokenizer.decode([Int32.min, -1, 0, 1, 2, Int32(tokenizer.vocabularySize), .max])
}
