/// From queries to the response that their answers make.

internal import Coordinator
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Requests
internal import Wire

/// Asks the cluster, and delivers the answers whole or as a stream.
struct AnswerDelivery: Sendable {
  let cluster: any ServingCluster
  let running: RunningAnswers
  /// Writes the answers down, if they are journalled.
  var recording: AnswerRecording?

  /// Answers with server-sent events as the text comes. What goes wrong before the first of it is
  /// an error response; afterwards it is an event.
  func stream(
    _ queries: [ReferringQueryMessage], perPrompt: Int, includesUsage: Bool,
    as format: some AnswerStreamFormat, on channel: any Channel
  ) async throws -> Response {
    let asked = try await ask(queries, on: channel)
    let first: [AnswerFeed.Item]?
    do { first = try await asked.feed.next() } catch {
      asked.fail(error)
      throw APIError(error, retryAfter: running.retryAfter)
    }
    let tellsTokens = queries[0].logProbabilities != nil
    let body = ResponseBody { [running] writer in
      var format = format
      var answers: [Answer?] = Array(repeating: nil, count: queries.count)
      var buffer = ByteBufferAllocator().buffer(capacity: 1024)
      for choice in queries.indices { try format.begin(choice: choice, to: &buffer) }
      do {
        var next = first
        while let items = next {
          for item in items {
            switch item.event {
            case .text(let text, let tokens):
              try format.text(
                text, tellsTokens ? tokens : nil, choice: item.choice, to: &buffer)
            case .answer(let answer):
              answers[item.choice] = answer
              try format.end(answer, choice: item.choice, to: &buffer)
            }
          }
          if buffer.readableBytes > 0 { try await writer.write(buffer) }
          buffer.clear()
          do { next = try await asked.feed.next() } catch let error as HungUp { throw error } catch
          {
            ServerSentEvents.write(
              APIError(error, retryAfter: running.retryAfter).json, to: &buffer)
            next = nil
          }
        }
        let complete = answers.compactMap { $0 }
        if includesUsage, complete.count == answers.count {
          try format.usage(Usage(complete, choices: perPrompt), to: &buffer)
        }
        buffer.writeImmutableBuffer(ServerSentEvents.end)
        try await writer.write(buffer)
        asked.complete()
      } catch {
        asked.fail(error)
        throw error
      }
      try await writer.finish(nil)
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache",
        .xAccelBuffering: "no",
      ], body: body)
  }

  /// Waits for all answers. Tokens are those of each answer, if log-probabilities were asked for.
  func whole(
    _ queries: [ReferringQueryMessage], on channel: any Channel
  ) async throws -> (answers: [Answer], tokens: [[AnswerToken]]?) {
    let asked = try await ask(queries, on: channel)
    var answers: [Answer?] = Array(repeating: nil, count: queries.count)
    var told: [[AnswerToken]] = Array(repeating: [], count: queries.count)
    do {
      while let items = try await asked.feed.next() {
        for item in items {
          switch item.event {
          case .text(_, let tokens): told[item.choice] += tokens
          case .answer(let answer): answers[item.choice] = answer
          }
        }
      }
    } catch {
      asked.fail(error)
      throw APIError(error, retryAfter: running.retryAfter)
    }
    asked.complete()
    return (answers.compactMap { $0 }, queries[0].logProbabilities == nil ? nil : told)
  }

  /// Queries that have been asked.
  private struct Asked: Sendable {
    let feed: AnswerFeed
    /// Ends what is not answered, and forgets it.
    let end: @Sendable (any Error, _ isComplete: Bool) -> Void

    func fail(_ error: any Error) { end(error, false) }
    func complete() { end(CancellationError(), true) }
  }

  private func ask(
    _ queries: [ReferringQueryMessage], on channel: any Channel
  ) async throws -> Asked {
    let begin = ContinuousClock.now
    let feed = AnswerFeed(
      queries.enumerated().map { choice, query in
        let events = cluster.ask(query)
        return recording?.follow(events, choice: choice) ?? events
      })
    let number: UInt64
    do { number = try running.add(feed) } catch {
      feed.end(error)
      throw error
    }
    let forget = await channel.onHangUp { [running] in
      feed.end(HungUp())
      running.remove(number)
    }
    return Asked(feed: feed) { [running] error, isComplete in
      feed.end(error)
      forget()
      running.remove(
        number, seconds: isComplete ? (ContinuousClock.now - begin) / .seconds(1) : nil)
    }
  }
}
