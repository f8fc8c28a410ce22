/// Streaming: token by token, the same text as all at once.
import Testing

@testable import Tokenizing

@Suite("text stream")
struct TextStreamTests {
  @Test("joined outputs are what decode gives for all ids", arguments: ["mini", "legacy"])
  func joinsToTheWhole(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    var generator = SeededGenerator(state: 17)
    var stream = TextStream(tokenizer)
    for _ in 0..<400 {
      let ids = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
        Bool.random(using: &generator)
          ? Int32.random(in: 3..<259, using: &generator)
          : Int32.random(in: -3..<Int32(tokenizer.vocabularySize) + 3, using: &generator)
      }
      var text = ""
      for id in ids { text += stream.append(id) }
      text += stream.finish()
      #expect(Array(text.utf8) == Array(tokenizer.decode(ids).utf8), "\(ids)")
    }
  }

  @Test("a character of several byte tokens comes out whole, when the next token is there")
  func holdsBytesBack() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    var stream = TextStream(tokenizer)
    let bytes = Array("é".utf8).map { Int32($0) + 3 }
    #expect(bytes.map { stream.append($0) } == ["", ""])
    let word = try #require(tokenizer.id(of: "▁a"))
    #expect(stream.append(word) == "é a")
    #expect(stream.append(bytes[0]) == "")
    #expect(stream.finish() == "\u{FFFD}")
  }

  @Test("tokens spell the text that they were made from, the space before it included")
  func spellings() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    for text in ["a red circle", "é 漢字 \u{1F600}", "<0x41> ▁"] {
      let spelled = tokenizer.encode(text, atStart: true).flatMap(tokenizer.spelling)
      let expected = text.replacing("▁", with: " ")
      #expect(String(decoding: spelled, as: UTF8.self).drop(while: { $0 == " " }) == expected)
    }
    #expect(tokenizer.spelling(of: tokenizer.id(of: "<s>") ?? -1) == [])
    #expect(tokenizer.spelling(of: -1) == [])
  }

  @Test("ids from anywhere never trap", arguments: [Int32.min, -1, 822, 1_000_000, Int32.max])
  func ignoresForeignIDs(id: Int32) throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    #expect(tokenizer.decode([id]) == "")
    #expect(tokenizer.text(of: id) == nil)
    #expect(!tokenizer.isControl(id))
  }
}
