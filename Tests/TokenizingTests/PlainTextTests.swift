/// Plain text stays text, whatever it looks like and however long it is.
import Foundation
import Testing

@testable import Tokenizing

@Suite("plain text")
struct PlainTextTests {
  @Test("no text becomes a control or added token", arguments: ["mini", "legacy"])
  func staysText(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    var texts = try Fixtures.load("\(name).json", as: Fixtures.Cases.self).encode.map(\.text)
    texts += (0..<Int32(tokenizer.vocabularySize)).compactMap(tokenizer.text)
    for text in texts {
      for atStart in [true, false] {
        let ids = tokenizer.encode(text, atStart: atStart)
        #expect(!ids.contains { tokenizer.isControl($0) || tokenizer.isAdded($0) })
      }
    }
  }

  @Test("a model cannot smuggle control or added tokens into plain text")
  func hidesTreacherousPieces() throws {
    var model = try SentencePieceModel(parsing: Fixtures.model("legacy"), name: "legacy")
    func change(_ piece: String, to kind: SentencePiece.Kind) throws {
      let place = try #require(model.pieces.firstIndex { $0.bytes == Array(piece.utf8) })
      model.pieces[place].kind = kind
    }
    try change("e", to: .control)
    try change("▁the", to: .userDefined)
    let added = ["No", "a", "▁the", "▁picture"]
    let list = try added.map { content in
      let id = try #require(model.pieces.firstIndex { $0.bytes == Array(content.utf8) })
      return "\"\(id)\": {\"content\": \"\(content)\"}"
    }
    let tokenizer = try Fixtures.withCheckpoint(
      model: model.serialized(hiding: []).fixedUp(like: model),
      files: [
        "tokenizer_config.json": "{\"added_tokens_decoder\": {\(list.joined(separator: ","))}}"
      ]
    ) { try Tokenizer(directory: $0) }
    for content in added { #expect(tokenizer.id(of: content).map(tokenizer.isAdded) == true) }
    let text = "No picture of the area, No pictures there; e, eee, Xe"
    let ids = tokenizer.encode(text, atStart: true)
    #expect(!ids.contains { tokenizer.isControl($0) || tokenizer.isAdded($0) })
    #expect(tokenizer.decode(ids) == text)
    // By merges, not spelled out because the library refused the text.
    #expect(tokenizer.processor.encode(Array(text.utf8)[...]) != nil)
    #expect(ids.contains { $0 == tokenizer.id(of: "▁pictures") })
  }

  @Test("long text has the ids that one call to the library gives")
  func cutsLongTextAtSeams() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    let sentences = try Fixtures.load("mini.json", as: Fixtures.Cases.self).encode.map(\.text)
    var text = ""
    while text.utf8.count < 2 * TokenizingLimits.encodedBytesMax {
      text += sentences.joined(separator: " ")
    }
    let normalized = tokenizer.rules.normalized(text.utf8, isFirst: true)
    let whole = try #require(tokenizer.processor.encode(normalized[...]))
    #expect(tokenizer.encode(text, atStart: true) == whole)
  }

  @Test("seams are where no merge can cross, and runs are short")
  func cutsAtSeams() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    let cutter = SegmentCutter(tokenizer.vocabulary.model)
    let text = Array("USER:▁What▁is▁at▁[0.25,0.40]?\n你好▁ASSISTANT:▁a▁small▁red▁circle".utf8)
    for bytesMax in [24, 32, 48] {
      let runs = cutter.runs(text[...], bytesMax: bytesMax)
      #expect(runs.count > 1)
      #expect(runs.allSatisfy { $0.count <= bytesMax && !$0.isEmpty })
      #expect(Array(runs.joined()) == text)
      #expect(
        runs.flatMap { tokenizer.processor.encode($0) ?? [] }
          == tokenizer.processor.encode(text[...]))
    }
    let seamless = cutter.runs(Array(repeating: UInt8(ascii: "0"), count: 100)[...], bytesMax: 16)
    #expect(seamless.allSatisfy { $0.count <= 16 })
  }

  @Test("a long run of one character is encoded and comes back")
  func encodesOneLongRun() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    for character in ["x", "😀", "0"] {
      let text = String(repeating: character, count: 300_000 / character.utf8.count)
      let ids = tokenizer.encode(text, atStart: true)
      #expect(tokenizer.decode(ids) == text)
    }
  }

  @Test("text spelled out without merges means the same")
  func spellsOut() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    for item in try Fixtures.load("mini.json", as: Fixtures.Cases.self).encode {
      let normalized = tokenizer.rules.normalized(item.text.utf8, isFirst: true)
      let ids = tokenizer.spelledOut(normalized[...])
      let text = tokenizer.decode(tokenizer.encode(item.text, atStart: true))
      #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8))
    }
  }

  @Test("encoding from many tasks at once gives the same ids")
  func encodesConcurrently() async throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    let cases = try Fixtures.load("mini.json", as: Fixtures.Cases.self).encode
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          cases.allSatisfy { tokenizer.encode($0.text, atStart: true) == $0.plain }
        }
      }
      for await isSame in group { #expect(isSame) }
    }
  }
}

extension [UInt8] {
  /// A serialized model whose hidden names are the pieces' own again, as an attacker would write
  /// it.
  fileprivate func fixedUp(like model: SentencePieceModel) -> [UInt8] {
    var bytes = self
    for (id, piece) in model.pieces.enumerated() {
      let hidden = Array("\u{F8FF}hidden \(id)\u{F8FF}".utf8)
      guard let place = bytes.firstRange(of: hidden)?.lowerBound else { continue }
      // piece header: tag, length of message; then tag, length of the name, name.
      bytes[place - 1] = UInt8(piece.bytes.count)
      bytes[place - 3] -= UInt8(hidden.count - piece.bytes.count)
      bytes.replaceSubrange(place..<place + hidden.count, with: piece.bytes)
    }
    return bytes
  }
}
