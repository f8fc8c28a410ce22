/// Clusters that keep themselves whole: processes that die are started again.

import Coordinator
import Foundation
import FoundationNetworking
import Messaging
import Supervision
import Testing
import Wire

@Suite("restarts", .serialized, .timeLimit(.minutes(5)))
struct RestartTests {
  private static let scene = Program.resources.appending(path: "samples/scene-03.png").path

  private func up(
    _ arguments: [String] = [],
    _ test: (_ up: RunningProgram, _ address: String) async throws -> Void
  ) async throws {
    let up = try RunningProgram(
      ["up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "warning"] + arguments)
    do {
      _ = try await up.line("ready")
      try await test(up, try await up.line("listening "))
    } catch {
      up.signal(SIGTERM)
      _ = await up.end()
      throw error
    }
    let children = up.children
    up.signal(SIGTERM)
    #expect(await up.end() == 0)
    #expect(children.allSatisfy { !isRunning($0) })
  }

  /// Waits until a child of another process id runs under `name`.
  private func successor(of old: Int32, _ name: String, in up: RunningProgram) async throws -> Int32
  {
    for _ in 0..<1000 {
      if let child = up.child(name), child != old { return child }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("no new \(name): \(up.errors.text)")
    throw CancellationError()
  }

  /// Asks until an answer comes: the cluster may be on its way back.
  private func ask(_ address: String) async throws -> String {
    var last = ""
    for _ in 0..<50 {
      let run = try await Program.run([
        "ask", Self.scene, "What is at <region>?", "--box", "340,262,578,500", "--coordinator",
        address,
      ])
      if run.status == 0 { return run.output }
      last = run.errors
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("no answer: \(last)")
    throw CancellationError()
  }

  @Test("a worker and a vision node that are killed are started again, and questions are answered")
  func killedMembers() async throws {
    try await up { up, address in
      let answer = try await ask(address)
      for name in ["worker-1", "vision"] {
        let old = try #require(up.child(name))
        kill(old, SIGKILL)
        let new = try await successor(of: old, name, in: up)
        #expect(isRunning(new) && !isRunning(old))
        #expect(try await ask(address) == answer)
        #expect(
          up.errors.text.contains("\(name) (process \(old)) ended with signal 9"),
          "\(up.errors.text)")
      }
      #expect(up.children.count == 4)
    }
  }

  @Test("a coordinator that is killed comes back on the same ports")
  func killedCoordinator() async throws {
    try await up { up, address in
      let url = try await up.line("http ")
      let answer = try await ask(address)
      let old = try #require(up.child("coordinator"))
      kill(old, SIGKILL)
      _ = try await successor(of: old, "coordinator", in: up)
      #expect(try await ask(address) == answer)
      let ready = try #require(URL(string: url + "/ready"))
      let (_, response) = try await URLSession.shared.data(from: ready)
      #expect((response as? HTTPURLResponse)?.statusCode == 200)
    }
  }

  @Test("a long answer whose coordinator is killed is finished, and fetched by its id")
  func journalledAnswer() async throws {
    let journal = FileManager.default.temporaryDirectory
      .appending(path: "chatspot-journal-\(UUID().uuidString)").path
    defer {
      for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: journal + end) }
    }
    try await up(["--journal", journal]) { up, _ in
      let url = try await up.line("http ") + "/v1/chat/completions"
      var request = URLRequest(url: try #require(URL(string: url)))
      request.httpMethod = "POST"
      func body(_ stream: Bool) -> Data {
        Data(
          #"""
          {"messages": [{"role": "user", "content": "What is red?"}], "seed": 7, "temperature": 1,
           "ignore_eos": true, "max_tokens": 900, "stream": \#(stream)}
          """#.utf8)
      }
      request.httpBody = body(false)
      let undisturbed = try Self.text(try await URLSession.shared.data(for: request).0)
      // A stream's head says its id; nothing is read of it here but that.
      let curl = try RunningProgram(
        ["-sN", "--max-time", "120", "-d", String(decoding: body(true), as: UTF8.self), url],
        executable: URL(filePath: "/usr/bin/curl"))
      let first = try await curl.line("data: {")
      let id = try #require(first.split(separator: "\"").first { $0.hasPrefix("chatcmpl-") })
      kill(try #require(up.child("coordinator")), SIGKILL)
      _ = await curl.end()
      #expect(!curl.output.text.contains("[DONE]"), "it was answered too soon")
      let place = try #require(URL(string: "\(url)/\(id)"))
      for _ in 0..<1500 {
        if let (data, response) = try? await URLSession.shared.data(from: place),
          (response as? HTTPURLResponse)?.statusCode == 200
        {
          #expect(try Self.text(data) == undisturbed && !undisturbed.isEmpty)
          return
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      Issue.record("the answer did not come: \(up.errors.text)")
    }
  }

  /// The text of a whole chat completion.
  private static func text(_ data: Data) throws -> String {
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let choice = (object?["choices"] as? [[String: Any]])?.first
    return try #require((choice?["message"] as? [String: Any])?["content"] as? String)
  }

  @Test("a worker that never comes up ends the cluster")
  func neverUp() async throws {
    var settings = LocalClusterSettings(executable: Program.url, model: Program.model)
    settings.workerArguments = ["--speed", "0"]
    settings.coordinatorArguments = ["--no-http"]
    settings.logLevel = "error"
    settings.workers = 1
    settings.restarts = true
    let cluster = LocalCluster(settings)
    _ = try await cluster.start()
    let failure = await cluster.failure()
    #expect(
      failure?.message.contains("worker-1 ended with exit status 64") == true,
      "\(failure?.message ?? "")")
    await cluster.stop()
    #expect(await cluster.processes.isEmpty)
  }

  @Test("a cluster ends at once while a process waits for its next start")
  func endsDuringBackoff() async throws {
    try await up { up, _ in
      for _ in 0..<4 {
        let old = try #require(up.child("vision"))
        kill(old, SIGKILL)
        _ = try await successor(of: old, "vision", in: up)
      }
      kill(try #require(up.child("vision")), SIGKILL)
    }
  }

  @Test("spares stand by beside the workers that the plan expects")
  func spares() async throws {
    try await up(["--workers", "1", "--spares", "1"]) { up, address in
      #expect(up.children.count == 4)
      #expect(up.child("worker-2") != nil)
      _ = try await ask(address)
    }
  }

  @Test("back-off doubles for who dies soon, stays within its bounds, and begins anew")
  func backoff() {
    var backoff = RestartBackoff()
    backoff.cameUp()
    #expect(backoff.died(after: .seconds(5)) == .milliseconds(100))
    #expect(backoff.died(after: .seconds(5)) == .milliseconds(200))
    #expect(backoff.died(after: .seconds(40)) == .milliseconds(200))
    for _ in 0..<20 { _ = backoff.died(after: .zero) }
    #expect(backoff.died(after: .zero) == .seconds(10))
    #expect(backoff.died(after: .seconds(61)) == .milliseconds(100))
    var broken = RestartBackoff()
    #expect((0..<5).map { _ in broken.died(after: .zero) == nil }.firstIndex(of: true) == 4)
  }
}

extension RunningProgram {
  /// The process id of the child that runs as `name`.
  func child(_ name: String) -> Int32? {
    children.first { child in
      let line = try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8)
      let words = line?.split(separator: "\0") ?? []
      guard words.count > 1 else { return false }
      return words[1] == name
        || zip(words, words.dropFirst()).contains {
          $0 == "--name" && $1 == name
        }
    }
  }
}
