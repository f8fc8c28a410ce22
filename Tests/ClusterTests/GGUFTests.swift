/// Real processes that answer from GGUF files and from quantised directories.

import Foundation
import Testing

@Suite("GGUF models in processes", .serialized, .timeLimit(.minutes(5)))
final class GGUFTests {
  private let directory: URL
  private static let fixtures = Program.tests.appending(path: "Fixtures")
  private static let picture = fixtures.appending(path: "tiny-linear-rope/input.png").path

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "chatspot-\(UUID())")
    let manager = FileManager.default
    try manager.createDirectory(
      at: directory.appending(path: "pair"), withIntermediateDirectories: true)
    try manager.copyItem(
      at: Self.fixtures.appending(path: "tiny-linear-rope"),
      to: directory.appending(path: "original"))
    for name in ["tiny-linear-rope", "mmproj-tiny-linear-rope"] {
      try manager.copyItem(
        at: Self.fixtures.appending(path: "gguf/pair/\(name).gguf"),
        to: directory.appending(path: "pair/\(name).gguf"))
    }
    let profile = Data(#"{"notation": "mini", "geometry": "stretch"}"#.utf8)
    try profile.write(to: directory.appending(path: "original/chatspot.json"))
    try profile.write(to: directory.appending(path: "pair/tiny-linear-rope.chatspot.json"))
    // A GGUF vocabulary has a space before each text, as the older tokenisers of Hugging Face.
    let config = directory.appending(path: "original/tokenizer_config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try text.replacing("\"legacy\": false", with: "\"legacy\": true")
      .write(to: config, atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func path(_ name: String) -> String { directory.appending(path: name).path }

  private func answer(_ model: [String], _ more: [String] = []) async throws -> String {
    let run = try await Program.run(
      [
        "ask", Self.picture, "What is at <region>?", "--point", "20,30", "--max-tokens", "16",
        "--json", "--model",
      ] + model + more)
    #expect(run.status == 0, "\(run.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    return try #require(object?["answer"] as? String)
  }

  @Test("a pair of files answers as the directory that it was made from")
  func pair() async throws {
    let expected = try await answer([path("original")])
    #expect(!expected.isEmpty)
    #expect(try await answer([path("pair/tiny-linear-rope.gguf")]) == expected)
    #expect(try await answer([path("pair")]) == expected)
    try FileManager.default.moveItem(
      atPath: path("pair/mmproj-tiny-linear-rope.gguf"), toPath: path("encoder.gguf"))
    let named = [path("pair/tiny-linear-rope.gguf"), "--mmproj", path("encoder.gguf")]
    #expect(try await answer(named) == expected)
    let alone = try await Program.run(
      ["ask", Self.picture, "What?", "--model", path("pair/tiny-linear-rope.gguf")])
    #expect(alone.status != 0 && alone.errors.contains("--mmproj"), "\(alone.errors)")
  }

  @Test("a directory that was quantised once answers as --weights does")
  func quantized() async throws {
    let model = path("pair/tiny-linear-rope.gguf")
    let made = try await Program.run(
      ["model", "quantize", model, "--weights", "q4_0", "--output", path("small")])
    #expect(made.status == 0 && made.errors.contains("100 %"), "\(made.errors)")
    let atStart = try await answer([model], ["--weights", "q4_0"])
    #expect(try await answer([path("small")]) == atStart)
    let again = try await Program.run(
      ["model", "quantize", model, "--weights", "q8_0", "--output", path("small")])
    #expect(again.status != 0 && again.errors.contains("--force"), "\(again.errors)")
  }

  @Test("bench and inspect take a decoder alone")
  func alone() async throws {
    let model = Self.fixtures.appending(path: "gguf/tiny-conv-q4_0.gguf").path
    let bench = try await Program.run(
      ["bench", "--model", model, "--prompt", "4", "--generate", "2", "--repetitions", "1"])
    #expect(bench.status == 0 && bench.output.contains("q4_0"), "\(bench.errors)")
    let inspect = try await Program.run(["model", "inspect", model, "--tensors"])
    #expect(inspect.status == 0, "\(inspect.errors)")
    #expect(inspect.output.contains("vision       none"))
    #expect(
      inspect.output.contains("language_model.layers.0.self_attn.q_proj.weight  q4_0 [32, 32]"))
  }

  @Test("a chat template of no known family says what to do")
  func unknownTemplate() async throws {
    // The key "tokenizer.chat_template" is written behind the others; the count is the header's.
    let url = directory.appending(path: "pair/tiny-linear-rope.gguf")
    var bytes = try Data(contentsOf: url)
    let key = Data("tokenizer.ggml.pre".utf8)
    let place = try #require(bytes.range(of: key))
    // "tokenizer.ggml.pre" = "default" becomes a template of as many bytes.
    var entry = Data()
    func append(_ text: String) {
      entry.append(
        contentsOf: (0..<8).map { UInt8(truncatingIfNeeded: text.utf8.count >> (8 * $0)) })
      entry.append(contentsOf: text.utf8)
    }
    append("tokenizer.chat_template")
    entry.append(contentsOf: [8, 0, 0, 0])
    append("")
    // 8 + 18 bytes of key, 4 of type, 8 + 7 of text: 45; the new entry without text takes 43.
    let text = String(repeating: "?", count: 45 - entry.count)
    entry.removeLast(8)
    append(text)
    bytes.replaceSubrange(place.lowerBound - 8..<place.lowerBound - 8 + 45, with: entry)
    try bytes.write(to: url)
    let run = try await Program.run(["ask", Self.picture, "What?", "--model", url.path])
    #expect(run.status != 0 && run.errors.contains("chatspot.json"), "\(run.errors)")
  }
}
