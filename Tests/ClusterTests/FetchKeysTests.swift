/// Workers that fetch their layers in a cluster of real processes with keys, and who gets no tensor there.

import Foundation
import FoundationNetworking
import Messaging
import Testing
import Wire

@Suite("Fetching in clusters with keys", .serialized, .timeLimit(.minutes(2)))
final class FetchKeysTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "cluster-fetch-keys-\(UUID().uuidString)")
  private let keys: KeyDirectory
  private var running: [RunningProgram] = []

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    keys = KeyDirectory(path: directory.appending(path: "keys").path)
    try keys.make()
  }

  deinit {
    for program in running { program.signal(SIGTERM) }
    try? FileManager.default.removeItem(at: directory)
  }

  private func start(_ arguments: [String], key: String?) throws -> RunningProgram {
    let program = try RunningProgram(
      arguments + ["--keys", key.map(keys.keyPath) ?? keys.path])
    running.append(program)
    return program
  }

  private func worker(_ address: String, _ name: String, _ more: [String]) throws -> RunningProgram
  {
    try start(
      [
        "worker", "--coordinator", address, "--name", name, "--memory-bytes", "1000000000",
        "--speed", "1000000000",
      ] + more, key: name)
  }

  private func ask(_ more: [String]) async throws -> String {
    let picture = Program.resources.appending(path: "samples/scene-03.png").path
    let run = try await Program.run(
      ["ask", picture, "What is at <region>?", "--box", "340,262,578,500", "--json"] + more)
    #expect(run.status == 0, "\(run.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
    return try #require(object?["answer"] as? String)
  }

  @Test(
    "a worker without the checkpoint gets its layers from one that has it; answers are the same")
  func fetches() async throws {
    for name in ["holder", "fetcher"] { _ = try keys.add(name, role: .worker) }
    let coordinator = try start(
      ["coordinator", "--listen", "tcp://127.0.0.1:0", "--no-http", "--workers", "2"], key: nil)
    let address = try await coordinator.line("listening ")
    _ = try start(["vision", "--coordinator", address], key: "vision")
    _ = try worker(address, "holder", [])
    let fetcher = try worker(
      address, "fetcher", ["--fetch", "--cache", directory.appending(path: "cache").path])
    _ = try await coordinator.line("ready")
    let answer = try await ask(["--coordinator", address, "--keys", keys.path])
    #expect(try await answer == ask([]))
    let log = fetcher.errors.text
    #expect(log.contains("MiB fetched from 1 source "), "\(log)")
    #expect(!log.contains(" 0.0 MiB fetched"), "\(log)")
  }

  @Test(
    "a worker's key gets tensors until it is revoked; a client's, an unknown one and none do not")
  func strangers() async throws {
    let late = try keys.add("late", role: .worker)
    let up = try start(
      ["up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--workers", "1"], key: nil)
    let url = try await up.line("http ")
    let address = try Address(try await up.line("listening "))
    _ = try await up.line("ready")

    let member = try KeyedPeer(address, late.toCoordinator)
    try await member.send(
      .hello(
        Hello(
          role: .decoderWorker, name: "late", dataEndpoint: "tcp://127.0.0.1:9", memoryBytes: 1,
          weightBytesPerSecond: 1, fetches: true)))
    var welcome: Welcome?
    while welcome == nil, let message = await member.next() {
      if case .welcome(let told) = message { welcome = told }
    }
    let port = try #require(welcome).tensorPort
    try #require(port > 0)
    let tensors = try Address(host: #require(address.host), port: UInt16(port))
    let digest = try await modelDigest(url)
    let question = Message.manifestRequest(ManifestRequest(modelDigest: digest, part: ""))

    let client = try KeyFile(at: keys.keyPath("client"))
    let stranger = SocketSecurity.client(try .make(), server: client.coordinator)
    for security in [client.toCoordinator, stranger, .none] {
      let peer = try KeyedPeer(tensors, security)
      try await peer.send(question)
      #expect(await peer.next(within: 0.7) == nil)
      await peer.stop()
    }
    #expect(try await refused(url, "key") >= 2)
    #expect(try await refused(url, "handshake") >= 1)
    // Those at a worker's own sockets are told by its heartbeats.
    let listens = try #require(up.errors.text.firstMatch(of: /worker-1 listens at (\S+) and/))
    let worker = try KeyFile(at: keys.keyPath("worker")).pair.publicKey
    let before = try await [
      refused(url, "key", by: "worker-1"), refused(url, "handshake", by: "worker-1"),
    ]
    for security in [SocketSecurity.client(try .make(), server: worker), .none] {
      let peer = try KeyedPeer(try Address(String(listens.1)), security, kind: .push)
      try await peer.send(question)
      try await until { await peer.isCutOff }
      await peer.stop()
    }
    for (reason, count) in zip(["key", "handshake"], before) {
      try await until { try await self.refused(url, reason, by: "worker-1") > count }
    }

    let peer = try KeyedPeer(tensors, late.toCoordinator)
    try await peer.send(question)
    guard case .manifest(let manifest)? = await peer.next() else {
      Issue.record("a worker's key gets no manifest")
      return
    }
    #expect(manifest.refusal.isEmpty && !manifest.files.isEmpty)
    _ = try keys.revoke("late")
    try await until { up.errors.text.contains("the allow-list has changed") }
    try await until { await peer.isCutOff }
    try? await peer.send(question)
    #expect(await peer.next(within: 0.7) == nil)
    #expect(up.errors.text.contains("refused at the tensor port"))
    await member.stop()
    await peer.stop()
  }

  private func get(_ url: String) async throws -> Data {
    try await URLSession.shared.data(from: #require(URL(string: url))).0
  }

  private func modelDigest(_ url: String) async throws -> [UInt8] {
    let status = try JSONSerialization.jsonObject(with: await get(url + "/cluster"))
    let model = (status as? [String: Any])?["model"] as? [String: Any]
    let text = Array(try #require(model?["digest"] as? String))
    return stride(from: 0, to: text.count, by: 2).compactMap {
      UInt8(String(text[$0...$0 + 1]), radix: 16)
    }
  }

  /// How many connections and messages were refused for a reason, by the coordinator or a member.
  private func refused(
    _ url: String, _ reason: String, by member: String? = nil
  ) async throws -> Double {
    let text = String(decoding: try await get(url + "/metrics"), as: UTF8.self)
    let name =
      member.map { "chatspot_member_refused_total{member=\"\($0)\",reason=\"\(reason)\"}" }
      ?? "chatspot_refused_total{reason=\"\(reason)\"}"
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line.flatMap { Double($0.split(separator: " ").last ?? "") } ?? 0
  }
}

/// Waits for a condition, for a minute at most: other tests may keep the processors.
private func until(
  _ location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "it did not come about", sourceLocation: location)
    try await Task.sleep(for: .milliseconds(10))
  }
}
