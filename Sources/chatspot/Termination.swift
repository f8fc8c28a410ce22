/// Waiting for the end: Ctrl-C, SIGTERM, or the parent's death.

import Dispatch
import Foundation
import Messaging

enum Termination {
  /// Returns when the process is asked to end. `withParent`: also when standard input closes, but
  /// not for Ctrl-C, which reaches a parent and its children together: it is the parent's to end
  /// them in good order.
  static func requested(withParent: Bool = false) async {
    for await _ in requests(withParent: withParent) { return }
  }

  /// For a member of a cluster: SIGTERM asks it to hand its work over before it ends. Anything else,
  /// or a second signal, ends it at once.
  static func requested(
    withParent: Bool, drain: @Sendable () async -> Void, stop: @Sendable () -> Void
  ) async {
    var isDraining = false
    for await request in requests(withParent: withParent) {
      guard request == .terminate, !isDraining else { return stop() }
      isDraining = true
      await drain()
    }
  }

  /// Gives what was sent last, a goodbye say, the time to leave this process. To be called at its very
  /// end: no socket works afterwards.
  static func deliverLastWords() async {
    let (delivered, continuation) = AsyncStream<Void>.makeStream()
    Thread.detachNewThread {
      MessagingContext.shared.terminate()
      continuation.finish()
    }
    // Sockets linger for a second at most; nobody is to wait for one that does not end.
    DispatchQueue.global().asyncAfter(deadline: .now() + 2) { continuation.finish() }
    for await _ in delivered {}
  }

  /// Runs a member to its end, and lets its last words out: also why it could not go on.
  static func withLastWords(_ run: () async throws -> Void) async throws {
    do {
      try await run()
    } catch {
      await deliverLastWords()
      throw error
    }
    await deliverLastWords()
  }

  private enum Request {
    /// SIGTERM.
    case terminate
    /// Ctrl-C, a terminal that closes, or the parent's death.
    case end
  }

  private static func requests(withParent: Bool) -> AsyncStream<Request> {
    AsyncStream { continuation in
      let ignored = withParent ? [SIGINT, SIGHUP] : []
      for number in ignored { signal(number, SIG_IGN) }
      let signals = SignalSources(withParent ? [SIGTERM] : [SIGINT, SIGTERM, SIGHUP]) { number in
        continuation.yield(number == SIGTERM ? .terminate : .end)
      }
      continuation.onTermination = { _ in signals.cancel() }
      guard withParent else { return }
      Thread.detachNewThread {
        while let data = try? FileHandle.standardInput.read(upToCount: 256), !data.isEmpty {}
        continuation.yield(.end)
      }
    }
  }
}

/// Signals that are handled instead of ending the process.
///
/// `@unchecked Sendable`: the sources never change, and Dispatch allows `cancel` from any thread.
private final class SignalSources: @unchecked Sendable {
  private let sources: [any DispatchSourceSignal]

  init(_ signals: [Int32], handler: @escaping @Sendable (Int32) -> Void) {
    sources = signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { handler(number) }
      source.activate()
      return source
    }
  }

  func cancel() {
    for source in sources { source.cancel() }
  }
}
