/// One child process: its lines of output, its end.

import Foundation
import Synchronization

/// A running child. Its standard error is ours; its standard input is a pipe that closes when this
/// process ends, however it ends, so that a child that watches it never outlives its parent.
///
/// `@unchecked Sendable`: `process` and `input` are set before `init` returns; afterwards only
/// functions of theirs that may be called from any thread are.
final class ChildProcess: @unchecked Sendable {
  let name: String
  let processID: Int32
  /// Lines of its standard output; finished when it closes.
  let lines: AsyncStream<String>
  private let process: Process
  private let input: FileHandle
  private let ended: AsyncStream<Void>
  private let waiters = Mutex<(status: String?, waiting: [CheckedContinuation<String, Never>])>(
    (nil, []))

  /// Starts `executable`. Throws `.notStarted`.
  init(name: String, executable: URL, arguments: [String]) throws(SupervisionError) {
    self.name = name
    process = Process()
    let (input, output) = (try PrivatePipe(), try PrivatePipe())
    self.input = input.writing
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = input.reading
    process.standardOutput = output.writing
    let (lines, continuation) = AsyncStream<String>.makeStream()
    self.lines = lines
    let (ended, endedContinuation) = AsyncStream<Void>.makeStream()
    self.ended = ended
    process.terminationHandler = { _ in endedContinuation.finish() }
    do {
      try process.run()
    } catch {
      throw SupervisionError(.notStarted, "\(name) could not be started: \(error)")
    }
    processID = process.processIdentifier
    // The child has its own.
    try? input.reading.close()
    try? output.writing.close()
    Self.read(output.reading, into: continuation)
    Task {
      for await _ in self.ended {}
      self.noteEnd()
    }
  }

  /// How the process ended, for people, as soon as it has: "exit status 1", "signal 9".
  func end() async -> String {
    await withCheckedContinuation { continuation in
      let status = waiters.withLock { waiters in
        if waiters.status == nil { waiters.waiting.append(continuation) }
        return waiters.status
      }
      if let status { continuation.resume(returning: status) }
    }
  }

  var hasEnded: Bool { waiters.withLock { $0.status != nil } }

  func signal(_ signal: Int32) {
    if !hasEnded { kill(processID, signal) }
  }

  private func noteEnd() {
    let status =
      process.terminationReason == .exit
      ? "exit status \(process.terminationStatus)" : "signal \(process.terminationStatus)"
    let waiting = waiters.withLock { waiters in
      waiters.status = status
      defer { waiters.waiting = [] }
      return waiters.waiting
    }
    for continuation in waiting { continuation.resume(returning: status) }
  }

  private static func read(
    _ handle: FileHandle, into lines: AsyncStream<String>.Continuation
  ) {
    Thread.detachNewThread {
      var rest = Data()
      // `read(upToCount:)` would wait for the whole count.
      while case let data = handle.availableData, !data.isEmpty {
        rest += data
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          lines.yield(String(decoding: rest[..<end], as: UTF8.self))
          rest = Data(rest[(end + 1)...])
        }
      }
      lines.finish()
    }
  }
}
