/// Clusters of real processes with keys, and who does not get in.

import Foundation
import Testing

@Suite("clusters with keys", .serialized, .timeLimit(.minutes(2)))
final class ClusterKeysTests {
  private static let scene = Program.resources.appending(path: "samples/scene-03.png").path
  private let keys = FileManager.default.temporaryDirectory
    .appending(path: "cluster-keys-\(UUID().uuidString)").path
  private var running: [RunningProgram] = []

  deinit {
    for program in running { program.signal(SIGTERM) }
    try? FileManager.default.removeItem(atPath: keys)
  }

  private func keys(_ arguments: String...) async throws -> String {
    let run = try await Program.run(["keys"] + arguments + ["--keys", keys])
    #expect(run.status == 0, "\(run.errors)")
    return run.output
  }

  /// A cluster with keys; its address.
  private func start() async throws -> (RunningProgram, address: String) {
    _ = try await keys("make")
    let cluster = try RunningProgram([
      "up", "--keys", keys, "--listen", "tcp://127.0.0.1:0", "--no-http", "--workers", "2",
    ])
    running.append(cluster)
    let address = try await cluster.line("listening ")
    _ = try await cluster.line("ready")
    return (cluster, address)
  }

  private func ask(_ address: String, _ options: [String]) async throws -> Program {
    try await Program.run(
      ["ask", Self.scene, "What is at <region>?", "--box", "578,500,340,262"]
        + ["--coordinator", address] + options, seconds: 40)
  }

  private func worker(_ address: String, _ options: [String]) throws -> RunningProgram {
    let worker = try RunningProgram(
      ["worker", "--coordinator", address, "--speed", "1000000000", "--memory-bytes", "1000000000"]
        + options)
    running.append(worker)
    return worker
  }

  @Test("a cluster with keys answers who has a client's key, and nobody else")
  func answers() async throws {
    let (_, address) = try await start()
    let answer = try await ask(address, ["--keys", keys])
    #expect(answer.status == 0 && answer.output.contains("red ring"), "\(answer.errors)")
    let without = try await ask(address, [])
    #expect(without.status == 1 && without.errors.contains("it asks for keys"), "\(without.errors)")
    let wrongRole = try await ask(address, ["--keys", keys + "/worker.key"])
    #expect(wrongRole.status == 1 && wrongRole.errors.contains("decoder worker's"))
    #expect(!without.output.contains("ring") && !wrongRole.output.contains("ring"))
  }

  @Test("a worker with a client's key, or without one, ends with the reason")
  func wrongWorkers() async throws {
    let (_, address) = try await start()
    let client = try worker(address, ["--keys", keys + "/client.key"])
    #expect(await client.end() == 1)
    #expect(client.errors.text.contains("the key client is a client's"), "\(client.errors.text)")
    let without = try worker(address, [])
    #expect(await without.end() == 1)
    #expect(without.errors.text.contains("it asks for keys"), "\(without.errors.text)")
  }

  @Test("keys add joins a worker while the cluster runs; keys revoke cuts it off")
  func addAndRevoke() async throws {
    let (cluster, address) = try await start()
    let line = try await keys("add", "late", "--role", "worker", "--coordinator", address)
    #expect(line.hasPrefix("chatspot worker --coordinator \(address) --keys late.key"))
    // The coordinator sees the list within a fraction of a second.
    try await wait(for: "the allow-list has changed", in: cluster)
    let late = try worker(address, ["--keys", keys + "/late.key", "--name", "late"])
    try await wait(for: "late joined", in: cluster)
    _ = try await keys("revoke", "late")
    #expect(await late.end() == 1)
    #expect(late.errors.text.contains("revoked"), "\(late.errors.text)")
    let answer = try await ask(address, ["--keys", keys])
    #expect(answer.output.contains("red ring"), "\(answer.errors)")
  }

  @Test("addresses that others can reach are refused without keys, with the remedy")
  func notLoopback() async throws {
    for arguments in [
      ["coordinator", "--listen", "tcp://*:0"], ["up", "--listen", "tcp://*:0", "--no-http"],
      ["worker", "--coordinator", "tcp://203.0.113.1:5"],
      ["vision", "--coordinator", "tcp://203.0.113.1:5"],
    ] {
      let run = try await Program.run(arguments)
      #expect(run.status != 0 && run.errors.contains("chatspot keys make"), "\(run.errors)")
    }
  }

  private func wait(for text: String, in program: RunningProgram) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while !program.errors.text.contains(text) {
      try #require(ContinuousClock.now < deadline, "\(text): \(program.errors.text)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
