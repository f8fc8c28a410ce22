/// Queries that are asked in the coordinator's own process.

internal import Messaging
internal import Synchronization
internal import Wire

/// Who waits for which answer. They are one client of the state machine, under an identity that no
/// ZeroMQ peer can have.
struct LocalQueries {
  typealias Continuation = AsyncThrowingStream<QueryEvent, any Error>.Continuation

  /// An empty identity: ZeroMQ's have 1 to 255 bytes.
  static let identity = PeerIdentity([])

  private var continuations: [UInt64: Continuation] = [:]

  /// Waits for the answer to a query.
  mutating func add(_ query: UInt64, _ continuation: Continuation) {
    continuations[query] = continuation
  }

  /// Nobody reads its events any more. Returns whether somebody did.
  mutating func remove(_ query: UInt64) -> Bool { continuations.removeValue(forKey: query) != nil }

  /// Hands out what the state machine says to its clients.
  mutating func deliver(_ message: Message) {
    switch message {
    case .answerText(let text): continuations[text.query]?.yield(.text(text.text, text.tokens))
    case .answer(let answer):
      let continuation = continuations.removeValue(forKey: answer.query)
      continuation?.yield(.answer(answer))
      continuation?.finish()
    case .error(let error):
      guard let query = error.query else { return }
      continuations.removeValue(forKey: query)?.finish(throwing: CoordinatorError(error))
    case .goodbye(let goodbye):
      let ending = CoordinatorError(.unavailable, goodbye.reason)
      let ended = continuations.values
      continuations = [:]
      for continuation in ended { continuation.finish(throwing: ending) }
    default: break
    }
  }
}

/// A query that is asked in the process, before the coordinator knows of it.
final class LocalQuery: Sendable {
  private static let last = Atomic<UInt64>(0)

  let number = LocalQuery.last.wrappingAdd(1, ordering: .relaxed).newValue
  /// Whether its reader has gone.
  private let gone = Atomic<Bool>(false)

  var isGone: Bool { gone.load(ordering: .acquiring) }
  func readerGone() { gone.store(true, ordering: .releasing) }
}
