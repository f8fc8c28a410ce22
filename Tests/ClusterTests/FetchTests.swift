/// Workers without a checkpoint: they answer as those that have one.

import Checkpoints
import Compute
import Coordinator
import Foundation
import Messaging
import Testing
import Transfer
import Wire

@Suite("Workers that fetch their layers", .serialized, .timeLimit(.minutes(5)))
final class FetchTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "chatspot-fetch-\(UUID())")

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func path(_ name: String) -> String { directory.appending(path: name).path }

  /// Questions of every kind, greedy and drawn, with the answers' tokens and log-probabilities.
  private func answers(_ cluster: InProcessCluster) async throws -> [String] {
    var result: [String] = []
    for (index, item) in try HeldoutCase.all().prefix(6).enumerated() {
      var query = try item.message()
      query.newTokensMax = 24
      query.ignoreEnd = true
      query.logProbabilities = 2
      query.sampling.seed = UInt64(index)
      query.sampling.temperature = index % 2 == 0 ? 0 : 0.8
      let (answer, tokens) = try await cluster.answer(query)
      result.append("\(answer.text) \(tokens)")
    }
    return result
  }

  @Test(
    "they answer bit for bit as workers that have the model: as stored, quantised, and with keys",
    arguments: [("", false), ("q8_0", false), ("", true)])
  func sameAnswers(weights: String, hasKeys: Bool) async throws {
    let local = try await InProcessCluster.start(workers: 2) {
      $0.weights = .init(rawValue: weights)
    }
    let expected = try await answers(local)
    await local.stop()
    let cache = try TensorCache(directory: directory, bytesMax: 1 << 30)
    let keys = hasKeys ? KeyDirectory(path: path("keys")) : nil
    try keys?.make()
    let cluster = try await InProcessCluster.start(
      workers: 2, fetchingInto: cache, keys: keys
    ) {
      $0.weights = .init(rawValue: weights)
    }
    #expect(try await answers(cluster) == expected)
    await cluster.stop()
  }

  private func worker(_ address: String, _ name: String, _ more: [String] = []) throws
    -> RunningProgram
  {
    try RunningProgram(
      [
        "worker", "--coordinator", address, "--name", name, "--memory-bytes", "1000000000",
        "--speed", "1000000000",
      ] + more)
  }

  private func fetcher(_ address: String, _ name: String) throws -> RunningProgram {
    try worker(address, name, ["--fetch", "--cache", path(name)])
  }

  private static let fixtures = Program.tests.appending(path: "Fixtures")

  private func ask(_ more: [String]) async throws -> String {
    let picture = Self.fixtures.appending(path: "tiny-linear-rope/input.png").path
    let run = try await Program.run(
      [
        "ask", picture, "What is at <region>?", "--point", "20,30", "--max-tokens", "16", "--json",
      ] + more)
    #expect(run.status == 0, "\(run.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    return try #require(object?["answer"] as? String)
  }

  @Test("processes without any checkpoint serve a GGUF model, and later from their caches")
  func gguf() async throws {
    let manager = FileManager.default
    try manager.createDirectory(at: directory, withIntermediateDirectories: true)
    for name in ["tiny-linear-rope", "mmproj-tiny-linear-rope"] {
      try manager.copyItem(
        at: Self.fixtures.appending(path: "gguf/pair/\(name).gguf"),
        to: directory.appending(path: "\(name).gguf"))
    }
    try Data(#"{"notation": "mini", "geometry": "stretch"}"#.utf8)
      .write(to: directory.appending(path: "tiny-linear-rope.chatspot.json"))
    let model = path("tiny-linear-rope.gguf")
    let expected = try await ask(["--model", model])

    for round in 0..<2 {
      let coordinator = try RunningProgram([
        "coordinator", "--listen", "tcp://127.0.0.1:0", "--no-http", "--workers", "2",
        "--activations", "f32", "--model", model,
      ])
      let address = try await coordinator.line("listening ")
      let vision = try RunningProgram([
        "vision", "--coordinator", address, "--model", model,
      ])
      let workers = try (0..<2).map { try fetcher(address, "w\($0)") }
      _ = try await coordinator.line("ready")
      #expect(try await ask(["--coordinator", address]) == expected)
      for process in workers + [vision, coordinator] {
        process.signal(SIGTERM)
        #expect(await process.end() == 0, "\(process.errors.text)")
      }
      for worker in workers {
        let fetched = worker.errors.text.contains("0.0 MiB fetched from 0 sources")
        #expect(fetched == (round == 1), "\(worker.errors.text)")
      }
    }
  }

  @Test("--fetch takes no --model, --cache goes with it, and both are explained")
  func options() async throws {
    let both = try await Program.run([
      "worker", "--coordinator", "tcp://127.0.0.1:1", "--fetch", "--model", "/nowhere",
    ])
    #expect(both.status != 0 && both.errors.contains("--fetch takes the place"))
    let alone = try await Program.run([
      "worker", "--coordinator", "tcp://127.0.0.1:1", "--cache", "/nowhere",
    ])
    #expect(alone.status != 0 && alone.errors.contains("--cache goes with --fetch"))
  }

  @Test("a cache that cannot be made, or is too small, ends the worker with the cause")
  func cacheTrouble() async throws {
    let unwritable = try await Program.run([
      "worker", "--coordinator", "tcp://127.0.0.1:1", "--fetch", "--cache", "/proc/nowhere",
    ])
    #expect(unwritable.status != 0 && unwritable.errors.contains("cannot be made"))
    let coordinator = try RunningProgram([
      "coordinator", "--listen", "tcp://127.0.0.1:0", "--no-http",
    ])
    let address = try await coordinator.line("listening ")
    let vision = try RunningProgram(["vision", "--coordinator", address])
    let small = try worker(
      address, "small", ["--fetch", "--cache", path("small"), "--cache-bytes", "1000"])
    #expect(await small.end() != 0)
    #expect(small.errors.text.contains("--cache-bytes"), "\(small.errors.text)")
    for process in [vision, coordinator] {
      process.signal(SIGTERM)
      _ = await process.end()
    }
  }
}
