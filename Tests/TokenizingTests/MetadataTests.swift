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

  @Test("Llama 3's byte-level tokeniser gives Hugging Face's ids")
  func byteLevel() throws {
    let tokenizer = try tokenizer("llama3")
    let cases = try Fixtures.load("gguf/llama3.json", as: Fixtures.Cases.self).encode
    #expect(cases.count > 300)
    for item in cases {
      let name = Comment(rawValue: item.text.debugDescription)
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
