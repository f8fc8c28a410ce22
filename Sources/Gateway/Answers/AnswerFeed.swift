/// The events of all answers to one request, in the order in which they come.

internal import Coordinator
internal import Synchronization

/// Reads the streams of several queries into one. What waits is taken all at once, so that a
/// client that reads slowly gets fewer and larger writes.
final class AnswerFeed: Sendable {
  struct Item: Sendable {
    /// Which answer it belongs to.
    let choice: Int
    let event: QueryEvent
  }

  private struct State {
    var waiting: [Item] = []
    var unfinished: Int
    var failure: (any Error)?
    var reader: CheckedContinuation<Void, Never>?
    var tasks: [Task<Void, Never>] = []
  }

  private let state: Mutex<State>

  /// Begins to read. `end` must be called, or all answers read.
  init(_ streams: [AsyncThrowingStream<QueryEvent, any Error>]) {
    state = Mutex(State(unfinished: streams.count))
    let tasks = streams.enumerated().map { choice, stream in
      Task { [self] in
        do {
          var isAnswered = false
          for try await event in stream {
            if case .answer = event { isAnswered = true }
            push(Item(choice: choice, event: event))
          }
          if !isAnswered { end(CancellationError()) }
        } catch {
          end(error)
        }
      }
    }
    let isOver = state.withLock { state in
      state.tasks = tasks
      return state.failure != nil
    }
    if isOver { for task in tasks { task.cancel() } }
  }

  /// Everything that has come since the last call; waits for something. Nil when all is read.
  ///
  /// Throws what ended one of the queries, or what `end` was given. One reader at a time.
  func next() async throws -> [Item]? {
    while true {
      let isWaiting = try state.withLock { state in
        if let failure = state.failure, state.waiting.isEmpty { throw failure }
        return state.waiting.isEmpty && state.unfinished > 0
      }
      guard isWaiting else { break }
      await withCheckedContinuation { continuation in
        let resumes = state.withLock { state in
          guard state.waiting.isEmpty, state.failure == nil, state.unfinished > 0 else {
            return true
          }
          state.reader = continuation
          return false
        }
        if resumes { continuation.resume() }
      }
    }
    return state.withLock { state in
      guard !state.waiting.isEmpty else { return nil }
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  /// Ends all queries that are not answered; `next` throws `error`.
  func end(_ error: any Error) {
    let (reader, tasks) = state.withLock {
      state -> (CheckedContinuation<Void, Never>?, [Task<Void, Never>]) in
      guard state.failure == nil, state.unfinished > 0 else { return (nil, []) }
      state.failure = error
      defer { (state.reader, state.tasks) = (nil, []) }
      return (state.reader, state.tasks)
    }
    for task in tasks { task.cancel() }
    reader?.resume()
  }

  private func push(_ item: Item) {
    let reader = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.failure == nil else { return nil }
      state.waiting.append(item)
      if case .answer = item.event { state.unfinished -= 1 }
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume()
  }
}
