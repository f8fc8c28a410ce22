/// Tokenisers from the metadata of GGUF files, against Hugging Face's of the same vocabulary.
import Checkpoints
import Foundation
import Testing

@testable import Tokenizing

@Suite("tokenisers in GGUF files")
struct MetadataTests {
  private static func metadata(_ name: String) throws -> GGUFMetadata {
    try GGUFMetadata(reading: Fixtures.folder.appending(path: "gguf/\(name).gguf"))
  }

  private func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(metadata: Self.metadata(name))
  }

  @Test("a SentencePiece vocabulary gives the ids of its model, with a space before each segment")
  func sentencePieces() throws {
    let tokenizer = try tokenizer("legacy")
    let original = try Fixtures.tokenizer("legacy")
    #expect(tokenizer.beginningOfSequence == original.beginningOfSequence)
    #expect(tokenizer.endOfSequence == original.endOfSequence)
    #expect(tokenizer.unknown == original.unknown && tokenizer.prefixesEverySegment)
    let cases = try Fixtures.load("legacy.json", as: Fixtures.Cases.self)
    for item in cases.encode {
      #expect(tokenizer.encode(item.text, atStart: true) == item.plain, "\(item.text)")
    }
    let pieces = Int32(tokenizer.vocabularySize)
    for item in cases.decode where item.ids.allSatisfy({ $0 < pieces && !original.isAdded($0) }) {
      #expect(tokenizer.decode(item.ids) == item.text, "\(item.ids)")
    }
  }

  @Test("add_space_prefix = false puts a space nowhere")
  func withoutPrefix() throws {
    let tokenizer = try tokenizer("mini")
    for item in try Fixtures.load("mini.json", as: Fixtures.Cases.self).encode {
      #expect(tokenizer.encode(item.text, atStart: true) == item.rest, "\(item.text)")
    }
  }

  @Test("Llama 3's byte-level tokeniser gives Hugging Face's ids", arguments: [true, false])
  func byteLevel(fromMetadata: Bool) throws {
    let tokenizer =
      fromMetadata ? try tokenizer("llama3") : try Fixtures.tokenizer("gguf/llama3")
    let cases = try Fixtures.load("gguf/llama3.json", as: Fixtures.Cases.self).encode
    #expect(cases.count > 300)
    for item in cases {
      let name = Comment(rawValue: item.text.debugDescription)
      let spelled = tokenizer.encode(item.text, atStart: true).flatMap(tokenizer.spelling)
      #expect(spelled == Array(item.text.utf8), name)
      #expect(tokenizer.encode(item.text, atStart: false) == item.plain, name)
      #expect(tokenizer.encodeAsHuggingFace(item.text, addBeginning: false) == item.split, name)
    }
    #expect(tokenizer.id(of: "<|eot_id|>").map(tokenizer.isControl) == true)
    #expect(tokenizer.endOfSequence == tokenizer.id(of: "<|eot_id|>"))
    #expect(
      tokenizer.encodeAsHuggingFace("a", addBeginning: true).first
        == tokenizer.id(of: "<|begin_of_text|>"))
  }

  @Test("byte-level ids decode to Hugging Face's text, all at once and one by one")
  func byteLevelText() throws {
    let tokenizer = try tokenizer("llama3")
    for item in try Fixtures.load("gguf/llama3.json", as: Fixtures.Cases.self).decode {
      #expect(Array(tokenizer.decode(item.ids).utf8) == Array(item.text.utf8), "\(item.ids)")
      // What has come so far is always the beginning of the whole, without half characters.
      var (stream, text) = (TextStream(tokenizer), "")
      for id in item.ids {
        text += stream.append(id)
        #expect(item.text.utf8.starts(with: text.utf8))
      }
      #expect(Array((text + stream.finish()).utf8) == Array(item.text.utf8))
    }
  }

  @Test("user text never becomes a control token", arguments: ["mini", "legacy", "llama3"])
  func staysText(name: String) throws {
    let tokenizer = try tokenizer(name)
    for id in 0..<Int32(tokenizer.vocabularySize) {
      guard let text = tokenizer.text(of: id) else { continue }
      #expect(!tokenizer.encode(text, atStart: true).contains(where: tokenizer.isControl))
    }
  }

  @Test("a long word costs little more than its length")
  func longWords() throws {
    let tokenizer = try tokenizer("llama3")
    let word = String(repeating: "qwertzuiop", count: 20_000)
    let started = ContinuousClock.now
    let ids = tokenizer.encode(word, atStart: true)
    #expect(ContinuousClock.now - started < .seconds(20))
    #expect(tokenizer.decode(ids) == word)
  }

  @Test("the beginning of a character is told from what can become none")
  func tails() {
    for scalar in ["a", "é", "你", "😀", "\u{10FFFF}", "\u{D7FF}"].flatMap(\.unicodeScalars) {
      let bytes = Array(String(scalar).utf8)
      for count in 1..<bytes.count + 1 {
        let expected = count < bytes.count ? count : 0
        #expect(UTF8Tail.length([0x41] + bytes.prefix(count)) == expected)
      }
    }
    for bytes in [[0xC0], [0xED, 0xA0], [0xF4, 0x90], [0xF5], [0xE0, 0x80], [0x80], []] as [[UInt8]]
    {
      #expect(UTF8Tail.length(bytes) == 0)
    }
  }
}

@Suite("tokenisers in damaged GGUF files")
struct DamagedMetadataTests {
  /// What loading a fixture throws after the bytes of one text in it have been replaced.
  private func error(
    _ name: String, replacing old: String, with new: [UInt8]
  ) throws -> TokenizingError? {
    var bytes = try Data(contentsOf: Fixtures.folder.appending(path: "gguf/\(name).gguf"))
    let range = try #require(bytes.range(of: Data(old.utf8)))
    #expect(range.count == new.count)
    bytes.replaceSubrange(range, with: new)
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).gguf")
    defer { try? FileManager.default.removeItem(at: url) }
    try bytes.write(to: url)
    let metadata = try GGUFMetadata(reading: url)
    do throws(TokenizingError) {
      _ = try Tokenizer(metadata: metadata)
      return nil
    } catch { return error }
  }

  private func error(
    _ name: String, replacing old: String, with new: String
  ) throws -> TokenizingError? {
    try error(name, replacing: old, with: Array(new.utf8))
  }

  @Test("kinds of tokenisers that are not served are named")
  func otherKinds() throws {
    let bert = try error("llama3", replacing: "gpt2", with: "bert")
    #expect(bert?.code == .unsupportedModel && bert?.message.contains("bert") == true)
    let qwen = try error("llama3", replacing: "llama-bpe", with: "deepseek-")
    #expect(qwen?.code == .unsupportedModel && qwen?.message.contains("deepseek-") == true)
  }

  @Test("lists that are missing, too short or of another kind are refused")
  func lists() throws {
    let missing = try error(
      "mini", replacing: "tokenizer.ggml.tokens", with: "tokenizer.ggml.tokenz")
    #expect(missing?.code == .fileMissing)
    let key = "tokenizer.ggml.bos_token_id"
    let outside = try error(
      "mini", replacing: key + "\u{4}\0\0\0\u{1}\0\0\0",
      with: Array(key.utf8) + [4, 0, 0, 0, 255, 255, 0, 0])
    #expect(outside?.code == .malformedFile && outside?.message.contains("bos_token_id") == true)
  }

  @Test("a byte without a token, a token that is there twice, a merge of nothing")
  func vocabularies() throws {
    // The token of "!" becomes another.
    let byte = try error(
      "llama3", replacing: "\u{1}\0\0\0\0\0\0\0!", with: "\u{1}\0\0\0\0\0\0\0\u{7F}")
    #expect(byte?.code == .malformedModel && byte?.message.contains("byte 33") == true)
    let twice = try error("legacy", replacing: "<0x41>", with: "<0x42>")
    #expect(twice?.code == .malformedModel && twice?.message.contains("twice") == true)
    let merge = try error(
      "llama3", replacing: "\u{120} t", with: "\u{120}\u{120}t".utf8.prefix(4).map { $0 })
    #expect(merge?.code == .malformedFile)
  }

  @Test("a tokenizer.json of another kind, or with gaps, is refused")
  func files() throws {
    let folder = Fixtures.folder.appending(path: "gguf/llama3")
    let whole = try String(contentsOf: folder.appending(path: "tokenizer.json"), encoding: .utf8)
    func code(_ old: String, _ new: String) throws -> TokenizingError.Code? {
      let text = whole.replacing(old, with: new, maxReplacements: 1)
      #expect(text != whole)
      return try Fixtures.withCheckpoint(files: ["tokenizer.json": text]) { directory in
        do throws(TokenizingError) {
          _ = try Tokenizer(directory: directory)
          return nil
        } catch { return error.code }
      }
    }
    #expect(try code("{1,3}", "{1,2}") == .unsupportedModel)
    #expect(
      try code("\"add_prefix_space\":false", "\"add_prefix_space\":true") == .unsupportedModel)
    #expect(try code("\"type\":\"BPE\"", "\"type\":\"Unigram\"") == .fileMissing)
    #expect(try code("\"!\":0", "\"!\":100000") == .malformedFile)
    #expect(try code("\"merges\":[[", "\"merges\":[[\"no such\",\"token\"],[") == .malformedFile)
    #expect(try code("\"merges\":[[", "\"merges\":[[\"zzz\",\"q\"],[") == .malformedModel)
  }
}
