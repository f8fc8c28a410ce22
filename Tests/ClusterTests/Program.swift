/// Runs the built `chatspot` program as a user would.

import Foundation
import Supervision
import Testing

/// The program and what it printed.
struct Program {
  let status: Int32
  let output: String
  let errors: String

  static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "chatspot")
  static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  static let resources = tests.deletingLastPathComponent()
    .appending(path: "Sources/chatspot/Resources")
  static let model = resources.appending(path: "mini-chatspot")
  static let heldout = tests.appending(path: "Fixtures/heldout")

  /// Runs to the end. Kills the program after `seconds`.
  static func run(_ arguments: [String], seconds: Double = 60) async throws -> Program {
    let running = try RunningProgram(arguments)
    let deadline = Task {
      try await Task.sleep(for: .seconds(seconds))
      running.signal(SIGKILL)
    }
    defer { deadline.cancel() }
    let status = await running.end()
    return Program(
      status: status, output: running.output.text, errors: running.errors.text)
  }
}

/// A program that runs in the background.
///
/// `@unchecked Sendable`: `process` is set before `init` returns; afterwards only functions of its
/// that any thread may call are called.
final class RunningProgram: @unchecked Sendable {
  let output = Collected()
  let errors = Collected()
  private let process = Process()
  private let ended: AsyncStream<Void>

  init(_ arguments: [String], executable: URL = Program.url) throws {
    let (ended, continuation) = AsyncStream<Void>.makeStream()
    self.ended = ended
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    let pipes = (try PrivatePipe(), try PrivatePipe())
    process.standardOutput = pipes.0.writing
    process.standardError = pipes.1.writing
    let readers = DispatchGroup()
    for (pipe, collected) in [(pipes.0, output), (pipes.1, errors)] {
      let handle = pipe.reading
      readers.enter()
      Thread.detachNewThread {
        while case let data = handle.availableData, !data.isEmpty { collected.append(data) }
        readers.leave()
      }
    }
    process.terminationHandler = { _ in readers.notify(queue: .global()) { continuation.finish() } }
    try process.run()
    for pipe in [pipes.0, pipes.1] { try pipe.writing.close() }
  }

  var processID: Int32 { process.processIdentifier }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for the end; the exit status, or minus the signal.
  func end() async -> Int32 {
    for await _ in ended {}
    return process.terminationReason == .exit
      ? process.terminationStatus : -process.terminationStatus
  }

  /// Waits until a line of standard output begins with `prefix`, and returns what follows it.
  func line(_ prefix: String, seconds: Double = 30) async throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    // Tests that compute may keep this one from looking until after the deadline.
    var isLast = false
    while !isLast {
      isLast = ContinuousClock.now >= deadline
      if let line = output.text.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) {
        return String(line.dropFirst(prefix.count))
      }
      if !isLast { try await Task.sleep(for: .milliseconds(10)) }
    }
    Issue.record("no line \"\(prefix)\" in: \(output.text)\n\(errors.text)")
    throw CancellationError()
  }

  /// Process ids of the children.
  var children: [Int32] {
    let path = "/proc/\(processID)/task/\(processID)/children"
    let own = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    // Children belong to the thread that made them.
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/task"))
    let others = (threads ?? []).map { thread in
      (try? String(contentsOfFile: "/proc/\(processID)/task/\(thread)/children", encoding: .utf8))
        ?? ""
    }
    return Set(([own] + others).flatMap { $0.split(separator: " ").compactMap { Int32($0) } })
      .sorted()
  }
}

/// Bytes that another thread collects.
final class Collected: Sendable {
  private let data = Locked(Data())

  func append(_ more: Data) { data.with { $0.append(more) } }
  var text: String { data.with { String(decoding: $0, as: UTF8.self) } }
}

/// A value behind a lock.
///
/// `@unchecked Sendable`: the value is touched under the lock only.
private final class Locked<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func with<Result>(_ body: (inout Value) -> Result) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return body(&value)
  }
}

func isRunning(_ processID: Int32) -> Bool {
  guard let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8) else {
    return false
  }
  // A zombie has ended; its parent has yet to look.
  return status.split(separator: ")").last?.contains(" Z ") == false
}
