/// The answers under way.

internal import Requests
internal import Synchronization

/// Knows every answer that is being made, so that stopping can wait for them and end them.
final class RunningAnswers: Sendable {
  private struct State {
    var feeds: [UInt64: AnswerFeed] = [:]
    var last: UInt64 = 0
    var isStopping = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    /// Seconds that answers took, a running mean.
    var meanSeconds = 1.0
  }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.feeds.count } }
  var isStopping: Bool { state.withLock { $0.isStopping } }

  /// After how many seconds somebody who was refused may try again: when an answer under way is
  /// likely to have ended.
  var retryAfter: Int { state.withLock { Int(min(60, max(1, $0.meanSeconds.rounded(.up)))) } }

  /// Notes an answer until `remove` is called. Throws an ``APIError`` when the gateway stops.
  func add(_ feed: AnswerFeed) throws -> UInt64 {
    try state.withLock { state in
      guard !state.isStopping else { throw APIError.stopping }
      state.last += 1
      state.feeds[state.last] = feed
      return state.last
    }
  }

  /// - Parameter seconds: how long it took, if it came to its end.
  func remove(_ answer: UInt64, seconds: Double? = nil) {
    let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      if let seconds { state.meanSeconds += 0.1 * (seconds - state.meanSeconds) }
      guard state.feeds.removeValue(forKey: answer) != nil, state.feeds.isEmpty else { return [] }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  /// From here on no answer begins.
  func stop() { state.withLock { $0.isStopping = true } }

  /// Ends all that are left with `error`.
  func end(_ error: APIError) {
    for feed in state.withLock({ Array($0.feeds.values) }) { feed.end(error) }
  }

  /// Returns when no answer is under way.
  func finished() async {
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        guard !state.feeds.isEmpty else { return true }
        state.waiting.append(continuation)
        return false
      }
      if isEmpty { continuation.resume() }
    }
  }
}
