/// The program's subcommands as a user meets them.

import Foundation
import Supervision
import Testing

@Suite("the chatspot command", .serialized, .timeLimit(.minutes(5)))
struct CommandTests {
  private static let scene = Program.resources.appending(path: "samples/scene-03.png").path

  @Test("ask answers about a box and a point, and --json says how")
  func ask() async throws {
    let box = try await Program.run(
      ["ask", Self.scene, "What is at <region>?", "--box", "578,500,340,262", "--json"])
    #expect(box.status == 0, "\(box.errors)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(box.output.utf8)) as? [String: Any])
    #expect(object["answer"] as? String == "a large red ring")
    #expect((object["tokens"] as? [String: Int])?["image"] == 64)
    #expect((object["pipeline"] as? [[String: Any]])?.count == 3)
    let point = try await Program.run(
      [
        "ask", Self.scene, "What is this?", "--point", "0.549,0.567", "--normalized", "--workers",
        "4",
      ])
    #expect(
      point.status == 0 && point.output.contains("red ring"), "\(point.output)\(point.errors)")
  }

  @Test("regions in the answer come back in pixels of the original image")
  func grounding() async throws {
    let run = try await Program.run(["ask", Self.scene, "Locate the red ring.", "--json"])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let regions = try #require(object["regions"] as? [[String: Any]])
    let box = try #require(regions.first?["box"] as? [Double])
    // The ring's truth is 340, 262, 578, 500 in a picture of 672 pixels.
    for (edge, truth) in zip(box, [340.0, 262, 578, 500]) { #expect(abs(edge - truth) < 20) }
  }

  @Test(
    "bad input ends with a reason on standard error and a status that is not 0",
    arguments: [
      (["nowhere.png", "What?"], "no file"), ([scene, "  "], "empty"),
      ([scene, "What?", "--box", "1,2,3"], "4 numbers"),
      ([scene, "What?", "--box", "nan,1,2,3"], "not a number"),
      ([scene, "What?", "--model", "/nowhere"], "does not exist"),
      ([scene, "What?", "--workers", "0"], "--workers"),
      ([scene, "What?", "--coordinator", "tcp://203.0.113.1:5"], "--insecure"),
    ])
  func badInput(arguments: [String], reason: String) async throws {
    let run = try await Program.run(["ask"] + arguments)
    #expect(run.status != 0 && run.output.isEmpty)
    #expect(run.errors.contains(reason), "\(run.errors)")
  }

  @Test("up: with --no-restart a worker that dies is reported and ends the rest")
  func deadChild() async throws {
    let up = try RunningProgram([
      "up", "--no-restart", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "error",
    ])
    _ = try await up.line("ready")
    let children = up.children
    #expect(children.count == 4)
    let worker = try #require(
      children.first { child in
        (try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8))?
          .contains("worker-2") == true
      })
    kill(worker, SIGKILL)
    #expect(await up.end() == 1)
    #expect(up.errors.text.contains("worker-2 ended with signal 9"), "\(up.errors.text)")
    #expect(children.allSatisfy { !isRunning($0) })
  }

  @Test("up: Ctrl-C ends all processes in good order; nobody waits for one that is gone")
  func interrupt() async throws {
    let up = try RunningProgram([
      "up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "warning",
    ])
    _ = try await up.line("ready")
    let children = up.children
    up.signal(SIGINT)
    #expect(await up.end() == 0)
    #expect(children.count == 4 && children.allSatisfy { !isRunning($0) })
    #expect(!up.errors.text.contains("silent"), "\(up.errors.text)")
  }

  @Test("pipes to one child are closed to all others from the first moment on")
  func privatePipe() throws {
    let pipe = try PrivatePipe()
    for end in [pipe.reading, pipe.writing] {
      #expect(fcntl(end.fileDescriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
    try pipe.writing.write(contentsOf: Data([7]))
    try pipe.writing.close()
    #expect(try pipe.reading.readToEnd() == Data([7]))
  }

  @Test("up: a trace is there while the cluster runs, and readable after it was killed")
  func trace() async throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "chatspot-trace-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let up = try RunningProgram([
      "up", "--listen", "tcp://127.0.0.1:0", "--log-level", "error", "--trace", path,
      "--max-step-ms", "50", "--weights", "q8_0",
    ])
    _ = try await up.line("ready")
    let address = try await up.line("listening ")
    let run = try await Program.run([
      "ask", Self.scene, "What is this?", "--point", "0.5,0.5", "--normalized", "--coordinator",
      address,
    ])
    #expect(run.status == 0, "\(run.errors)")
    // Events are written by the second: those of one answer may come in two parts.
    func lines() throws -> Int {
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count
    }
    for _ in 0..<1000 where try lines() <= 12 { try await Task.sleep(for: .milliseconds(10)) }
    // The coordinator is a child, which would end the file in good order when it is left alone.
    up.signal(SIGSTOP)
    for child in up.children { kill(child, SIGKILL) }
    up.signal(SIGKILL)
    #expect(await up.end() == -SIGKILL)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    // Whole events, each with a comma behind it; the bracket that is missing nobody asks for.
    #expect(text.hasPrefix("[\n") && text.hasSuffix("},\n"))
    let whole = Data((text.dropLast(2) + "]").utf8)
    let events = try JSONSerialization.jsonObject(with: whole) as? [[String: Any]]
    #expect((events?.count ?? 0) > 10 && text.contains("stage 1"))
  }

  @Test("up: its children end even when it is killed")
  func killed() async throws {
    let up = try RunningProgram([
      "up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "error",
    ])
    _ = try await up.line("ready")
    let children = up.children
    up.signal(SIGKILL)
    #expect(await up.end() == -SIGKILL)
    for _ in 0..<500 where children.contains(where: isRunning) {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(children.count == 4 && children.allSatisfy { !isRunning($0) })
  }

  @Test("workers and vision nodes may start before their coordinator; a port in use is said")
  func startOrder() async throws {
    // Below the ports that the system hands out, so that nobody takes it in between.
    let address = "tcp://127.0.0.1:\(Int.random(in: 20_000..<32_000))"
    let probe = try RunningProgram(["coordinator", "--listen", address, "--no-http"])
    #expect(try await probe.line("listening ") == address)
    let second = try await Program.run(["coordinator", "--listen", address, "--no-http"])
    #expect(second.status == 1 && second.errors.contains("already listens"), "\(second.errors)")
    probe.signal(SIGTERM)
    #expect(await probe.end() == 0)
    let members = try [
      RunningProgram(["worker", "--coordinator", address, "--log-level", "error"]),
      RunningProgram(["vision", "--coordinator", address, "--log-level", "error"]),
    ]
    let coordinator = try RunningProgram(["coordinator", "--listen", address, "--no-http"])
    _ = try await coordinator.line("ready")
    let answer = try await Program.run(
      ["ask", Self.scene, "What is at <region>?", "--point", "459,281", "--coordinator", address])
    #expect(answer.status == 0 && answer.output.contains("red"), "\(answer.output)\(answer.errors)")
    for program in members + [coordinator] { program.signal(SIGTERM) }
    for program in members + [coordinator] { #expect(await program.end() == 0) }
  }

  @Test("when a worker is lost, its layers are split over those that are left")
  func lostWorker() async throws {
    let address = "tcp://127.0.0.1:\(Int.random(in: 20_000..<32_000))"
    let coordinator = try RunningProgram([
      "coordinator", "--listen", address, "--no-http", "--workers", "2", "--log-level", "info",
    ])
    let workers = try (1...2).map {
      try RunningProgram([
        "worker", "--coordinator", address, "--name", "worker-\($0)", "--speed", "1000000000",
        "--log-level", "error",
      ])
    }
    let vision = try RunningProgram(["vision", "--coordinator", address, "--log-level", "error"])
    _ = try await coordinator.line("ready")
    workers[0].signal(SIGKILL)
    _ = await workers[0].end()
    // The next plan stands when "ready" has come twice.
    for _ in 0..<1000
    where coordinator.output.text.split(separator: "\n").count(where: { $0 == "ready" }) < 2 {
      try await Task.sleep(for: .milliseconds(10))
    }
    let answer = try await Program.run([
      "ask", Self.scene, "What is at <region>?", "--box", "340,262,578,500", "--coordinator",
      address, "--json",
    ])
    #expect(answer.output.contains("a large red ring"), "\(answer.errors)")
    #expect(answer.output.contains("\"layers\":[0,1,2,3]"), "\(answer.output)")
    #expect(coordinator.errors.text.contains("lost worker-1"), "\(coordinator.errors.text)")
    for program in [workers[1], vision, coordinator] { program.signal(SIGTERM) }
    for program in [workers[1], vision, coordinator] { #expect(await program.end() == 0) }
  }

  @Test("model inspect tells what a checkpoint holds, and what is wrong with one")
  func inspect() async throws {
    let run = try await Program.run(["model", "inspect"])
    #expect(run.status == 0 && run.output.contains("4 layers, hidden 128"))
    let copy = FileManager.default.temporaryDirectory.appending(path: "inspect-\(UUID())")
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.copyItem(at: Program.model, to: copy)
    let weights = copy.appending(path: "model.safetensors")
    try Data(contentsOf: weights).prefix(1_000_000).write(to: weights)
    let truncated = try await Program.run(["model", "inspect", copy.path])
    #expect(truncated.status == 1 && truncated.errors.contains("truncated"), "\(truncated.errors)")
  }
}
