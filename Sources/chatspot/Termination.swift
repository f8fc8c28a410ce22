/// Waiting for the end: Ctrl-C, SIGTERM, or the parent's death.

import Dispatch
import Foundation

enum Termination {
  /// Returns when the process is asked to end. `withParent`: also when standard input closes, but
  /// not for Ctrl-C, which reaches a parent and its children together: it is the parent's to end
  /// them in good order.
  static func requested(withParent: Bool = false) async {
    for await _ in requests(withParent: withParent) { return }
  }

  private static func requests(withParent: Bool) -> AsyncStream<Void> {
    AsyncStream { continuation in
      let ignored = withParent ? [SIGINT, SIGHUP] : []
      for number in ignored { signal(number, SIG_IGN) }
      let signals = SignalSources(withParent ? [SIGTERM] : [SIGINT, SIGTERM, SIGHUP]) {
        continuation.yield()
      }
      continuation.onTermination = { _ in signals.cancel() }
      guard withParent else { return }
      Thread.detachNewThread {
        while let data = try? FileHandle.standardInput.read(upToCount: 256), !data.isEmpty {}
        continuation.yield()
      }
    }
  }
}

/// Signals that are handled instead of ending the process.
///
/// `@unchecked Sendable`: the sources never change, and Dispatch allows `cancel` from any thread.
private final class SignalSources: @unchecked Sendable {
  private let sources: [any DispatchSourceSignal]

  init(_ signals: [Int32], handler: @escaping @Sendable () -> Void) {
    sources = signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler(handler: handler)
      source.activate()
      return source
    }
  }

  func cancel() {
    for source in sources { source.cancel() }
  }
}
