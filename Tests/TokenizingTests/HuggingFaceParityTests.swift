/// Token ids and texts against Hugging Face tokenizers and sentencepiece.
import Foundation
import Testing

@testable import Tokenizing

@Suite("parity with Hugging Face")
struct HuggingFaceParityTests {
  @Test("written-out special tokens are split as by Hugging Face", arguments: ["mini", "legacy"])
  func splitsSpecialTokens(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    let cases = try Fixtures.load("\(name).json", as: Fixtures.Cases.self).encode
    #expect(cases.count >= 300)
    for item in cases {
      let ids = tokenizer.encodeAsHuggingFace(item.text, addBeginning: false)
      #expect(ids == item.split, "\(item.text.debugDescription)")
    }
  }

  @Test(
    "plain text has the ids of a tokeniser without added tokens", arguments: ["mini", "legacy"])
  func encodesPlainText(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    for item in try Fixtures.load("\(name).json", as: Fixtures.Cases.self).encode {
      let ids = tokenizer.encode(item.text, atStart: true)
      // "word" and "two words" are added tokens that are no control tokens: they too stay text.
      #expect(ids == item.plain, "\(item.text.debugDescription)")
    }
  }

  @Test("text after a special token has the ids of sentencepiece without a dummy prefix")
  func encodesTheRestOfAPrompt() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    for item in try Fixtures.load("mini.json", as: Fixtures.Cases.self).encode {
      #expect(
        tokenizer.encode(item.text, atStart: false) == item.rest, "\(item.text.debugDescription)")
    }
  }

  @Test("ids decode to Hugging Face's text", arguments: ["mini", "legacy"])
  func decodes(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    for item in try Fixtures.load("\(name).json", as: Fixtures.Cases.self).decode {
      let text = tokenizer.decode(item.ids)
      // Bytes, since String's == would take "é" for "e" + U+0301.
      #expect(Array(text.utf8) == Array(item.text.utf8), "\(item.ids)")
    }
  }

  @Test("the goldens' prompts have transformers' ids, images expanded")
  func encodesGoldens() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    let image = try #require(tokenizer.id(of: "<image>"))
    let goldens = try Fixtures.load("goldens.json", as: [Fixtures.Golden].self)
    #expect(goldens.count == 31)
    for golden in goldens {
      let ids = tokenizer.encodeAsHuggingFace(golden.prompt, addBeginning: true).flatMap { id in
        [Int32](repeating: id, count: id == image ? golden.images : 1)
      }
      #expect(ids == golden.ids, "\(golden.prompt)")
    }
  }

  @Test("a prompt put together from safe parts has the same ids")
  func assemblesAPrompt() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    let parts: [Int32?] = [tokenizer.beginningOfSequence, tokenizer.id(of: "<image>")]
    let ids =
      [parts[0]!] + tokenizer.encode("USER: ", atStart: true) + [parts[1]!]
      + tokenizer.encode("\nWhat is it? ASSISTANT: a box", atStart: false)
      + [tokenizer.endOfSequence!] + tokenizer.encode("USER: and now?", atStart: false)
    let text = "USER: <image>\nWhat is it? ASSISTANT: a box</s>USER: and now?"
    #expect(ids == tokenizer.encodeAsHuggingFace(text, addBeginning: true))
  }

  @Test("every Metaspace scheme of tokenizer.json places the prefix as Hugging Face does")
  func followsPrependSchemes() throws {
    let schemes = try Fixtures.load("schemes.json", as: [String: [Fixtures.Encoding]].self)
    #expect(schemes.count == 5)
    let saved = try String(
      contentsOf: Fixtures.folder.appending(path: "legacy/tokenizer.json"), encoding: .utf8)
    var json = try #require(
      try JSONSerialization.jsonObject(with: Data(saved.utf8)) as? [String: Any])
    for (name, cases) in schemes {
      json["normalizer"] = NSNull()
      json["pre_tokenizer"] = [
        "type": "Metaspace", "replacement": "▁",
        "prepend_scheme": name.split(separator: "+").first.map(String.init) ?? "",
        "split": name.hasSuffix("+split"),
      ]
      let changed = String(
        decoding: try JSONSerialization.data(withJSONObject: json), as: UTF8.self)
      let tokenizer = try Fixtures.withCheckpoint(
        model: Fixtures.model("legacy"), files: ["tokenizer.json": changed]
      ) { try Tokenizer(directory: $0) }
      for item in cases {
        let ids = tokenizer.encodeAsHuggingFace(item.text, addBeginning: false)
        #expect(ids == item.split, "\(name): \(item.text.debugDescription)")
      }
    }
  }

  @Test("added tokens come from the files in transformers' order")
  func takesAddedTokensInOrder() throws {
    let model = try Fixtures.model("legacy")
    for item in try Fixtures.load("precedence.json", as: [Fixtures.Precedence].self) {
      let tokenizer = try Fixtures.withCheckpoint(model: model, files: item.files) {
        try Tokenizer(directory: $0)
      }
      let expected = item.added.map { token in
        AddedToken(
          id: token.id, content: Array(token.content.utf8), isSpecial: token.special,
          isNormalized: token.normalized, stripsLeft: token.lstrip, stripsRight: token.rstrip,
          isSingleWord: token.singleWord)
      }
      #expect(tokenizer.added.tokens == expected, "\(item.name)")
    }
  }
}
