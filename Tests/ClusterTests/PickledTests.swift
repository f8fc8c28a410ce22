/// Real processes that answer from pickled checkpoints.

import Foundation
import Testing

@Suite("pickled models in processes", .serialized)
final class PickledTests {
  private let directory: URL
  private static let fixtures = Program.tests.appending(path: "Fixtures")
  private static let picture = fixtures.appending(path: "tiny-linear-rope/input.png").path

  init() throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "chatspot-\(UUID())")
    let manager = FileManager.default
    try manager.createDirectory(at: directory, withIntermediateDirectories: true)
    for (name, copy) in [
      ("tiny-linear-rope", "original"), ("pickled/llava", "llava"),
      ("pickled/clip-tiny", "clip-tiny"), ("pickled/merlin", "merlin"),
    ] {
      try manager.copyItem(
        at: Self.fixtures.appending(path: name), to: directory.appending(path: copy))
    }
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func path(_ name: String) -> String { directory.appending(path: name).path }

  private func ask(_ model: String) async throws -> [String: Any] {
    let run = try await Program.run([
      "ask", Self.picture, "What is at <region>?", "--point", "20,30", "--max-tokens", "16",
      "--json", "--model", path(model),
    ])
    #expect(run.status == 0, "\(run.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    return try #require(object as? [String: Any])
  }

  @Test("a LLaVA directory with its vision tower beside it answers as the llava-hf one")
  func llava() async throws {
    for name in ["original", "llava"] {
      try Data(#"{"notation": "mini", "geometry": "stretch"}"#.utf8)
        .write(to: directory.appending(path: "\(name)/chatspot.json"))
    }
    let expected = try #require(try await ask("original")["answer"] as? String)
    #expect(!expected.isEmpty)
    #expect(try await ask("llava")["answer"] as? String == expected)
  }

  @Test("a Merlin directory answers, and inspect says whose files these are")
  func merlin() async throws {
    #expect(try await ask("merlin")["answer"] is String)
    let inspect = try await Program.run(["model", "inspect", path("merlin")])
    #expect(inspect.output.contains("files        Merlin, 2 pickled files"), "\(inspect.errors)")
    #expect(inspect.output.contains("notation merlin, template merlin"))
  }

  @Test("without its vision tower, inspect and ask say which file to write")
  func towerMissing() async throws {
    try FileManager.default.removeItem(atPath: path("clip-tiny"))
    let inspect = try await Program.run(["model", "inspect", path("llava")])
    #expect(inspect.status == 0 && inspect.output.contains("vision       none: the weights of"))
    let ask = try await Program.run(["ask", Self.picture, "What?", "--model", path("llava")])
    #expect(ask.status != 0 && ask.errors.contains(#"{"vision_tower": "DIRECTORY"}"#))
  }
}
