/// Stop texts: the answer ends before the first, whatever tokens it comes in.

import Testing
import Tokenizing
import Wire

@testable import Coordinator

@Suite("answer stream")
struct AnswerStreamTests {
  private let tokenizer: Tokenizer

  init() throws { tokenizer = try FakeCluster.model.get().tokenizer }

  @Test("what is streamed is the text before the first stop text, for any stop texts")
  func matchesSearch() {
    var random = SplitMix(state: 11)
    var stopped = 0
    for _ in 0..<600 {
      let ids = (0..<Int.random(in: 1...30, using: &random)).map { _ in
        Int32.random(in: 3..<300, using: &random)
      }
      // No text on the wire holds a zero byte.
      let decoded = tokenizer.decode(ids).unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }
      let whole = Array(String(String.UnicodeScalarView(decoded)).utf8)
      let stop = stopTexts(of: whole, &random)
      let (text, tokens, isStopped) = stream(ids, stop)
      let starts = stop.compactMap { firstIndex(of: Array($0.utf8), in: whole) }
      let end = starts.min() ?? whole.count
      #expect(Array(text.utf8) == Array(whole[..<end]))
      #expect(isStopped == !starts.isEmpty)
      if !isStopped { #expect(tokens == ids) } else { #expect(ids.starts(with: tokens)) }
      if isStopped { stopped += 1 }
    }
    #expect((100..<600).contains(stopped))
  }

  @Test("stop texts are not heeded in the first tokens")
  func minTokens() {
    let ids = tokenizer.encode("red red red", atStart: true)
    var stream = AnswerStream(tokenizer, stop: ["red"])
    var text = ""
    for (index, id) in ids.enumerated() {
      let output = stream.append(id, heedsStop: index >= ids.count / 2)
      text += output.text
      if output.isStopped { break }
    }
    text += stream.finish().text
    #expect(text.hasPrefix("red") && text.utf8.count < 11)
  }

  @Test("every token's spelling together is the text, but for its first space")
  func spelling() {
    for text in ["a red square", "naïve 字 \u{1F600}", "<box>[0.10, 0.20]</box>"] {
      let bytes = tokenizer.encode(text, atStart: true).flatMap { tokenizer.spelling(of: $0) }
      #expect(String(decoding: bytes, as: UTF8.self) == " " + text)
    }
    #expect(tokenizer.spelling(of: 2) == [])
  }

  private func stream(_ ids: [Int32], _ stop: [String]) -> (String, [Int32], Bool) {
    var stream = AnswerStream(tokenizer, stop: stop)
    var (text, tokens) = ("", [Int32]())
    for id in ids {
      let output = stream.append(id, token: AnswerToken(id: id, bytes: [], logProbability: 0))
      text += output.text
      tokens += output.tokens.map(\.id)
      if output.isStopped { return (text, tokens, true) }
    }
    let output = stream.finish()
    return (text + output.text, tokens + output.tokens.map(\.id), output.isStopped)
  }

  /// Texts of which most stand in the whole, some only in part.
  private func stopTexts(of whole: [UInt8], _ random: inout SplitMix) -> [String] {
    (0..<Int.random(in: 0...3, using: &random)).compactMap { _ in
      guard !whole.isEmpty else { return nil }
      let start = Int.random(in: whole.indices, using: &random)
      let end = min(whole.count, start + Int.random(in: 1...6, using: &random))
      let text = String(validating: whole[start..<end], as: UTF8.self)
      return Bool.random(using: &random) ? text : text.map { $0 + "#" }
    }
  }

  private func firstIndex(of needle: [UInt8], in text: [UInt8]) -> Int? {
    text.indices.first { text[$0...].starts(with: needle) }
  }
}
