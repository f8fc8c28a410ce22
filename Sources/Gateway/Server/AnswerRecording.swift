/// The answers to one request on their way into the journal.

internal import Coordinator
internal import Foundation
internal import Synchronization
internal import Wire

/// Reads the answers to a journalled request along with its client, and writes the response down
/// before the client has all of it.
final class AnswerRecording: Sendable {
  private struct State {
    var answers: [Answer?]
    var tokens: [[AnswerToken]]
  }

  private let record: CompletionRecord
  private let journal: RequestJournal
  private let tellsTokens: Bool
  /// Whether the queries go on when nobody reads their answers.
  private let goesOn: Bool
  private let state: Mutex<State>

  init(
    _ record: CompletionRecord, of queries: [ReferringQueryMessage], goesOn: Bool,
    in journal: RequestJournal
  ) {
    self.record = record
    self.journal = journal
    self.goesOn = goesOn
    tellsTokens = queries.first?.logProbabilities != nil
    state = Mutex(
      State(
        answers: Array(repeating: nil, count: queries.count),
        tokens: Array(repeating: [], count: queries.count)))
  }

  /// The same events; whoever stops reading them ends the query, unless it goes on.
  func follow(
    _ events: AsyncThrowingStream<QueryEvent, any Error>, choice: Int
  ) -> AsyncThrowingStream<QueryEvent, any Error> {
    let (stream, continuation) = AsyncThrowingStream<QueryEvent, any Error>.makeStream()
    let reading = Task {
      do {
        var isAnswered = false
        for try await event in events {
          switch event {
          case .text(_, let tokens):
            state.withLock { if tellsTokens { $0.tokens[choice] += tokens } }
          case .answer(let answer):
            isAnswered = true
            await note(answer, choice: choice)
          }
          continuation.yield(event)
        }
        if !isAnswered { await journal.abandoned(record.head.id) }
        continuation.finish()
      } catch {
        await journal.failed(record.head.id, error)
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { [goesOn] termination in
      if case .cancelled = termination, !goesOn { reading.cancel() }
    }
    return stream
  }

  private func note(_ answer: Answer, choice: Int) async {
    let whole = state.withLock { state -> (answers: [Answer], tokens: [[AnswerToken]])? in
      state.answers[choice] = answer
      let answers = state.answers.compactMap { $0 }
      return answers.count == state.answers.count ? (answers, state.tokens) : nil
    }
    guard let whole else { return }
    do {
      let body = try record.response(whole.answers, tokens: tellsTokens ? whole.tokens : nil)
      await journal.ended(record.head.id, status: 200, body)
    } catch {
      await journal.failed(record.head.id, error)
    }
  }
}
