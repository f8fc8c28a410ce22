/// The gateway's use of a journal.

internal import Coordinator
internal import CoreMetrics
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Journal
internal import Logging
internal import Requests
internal import Wire

/// Writes accepted requests down, finds their responses, and finishes what another process left.
struct RequestJournal: Sendable {
  let journal: Journal
  let running: RunningAnswers
  let metrics: PrometheusRegistry
  let logger: Logger

  /// Requests of an earlier process that are asked again at once.
  private static let resumedAtOnce = 16

  /// Writes a request down before it is asked. Nil if that failed and `stores` is false: then it
  /// goes on unjournalled.
  ///
  /// Throws an ``APIError`` with status 507 if the client insists on it and it failed.
  func accept(
    _ record: CompletionRecord, _ queries: [ReferringQueryMessage], stores: Bool
  ) async throws -> AnswerRecording? {
    do {
      let images = queries.first?.images ?? []
      let messages = try queries.map { query in
        var query = query
        // They are stored once; a message without any could not be encoded.
        query.images = images.map { _ in [0] }
        return try encode(.referringQuery(query))
      }
      try await journal.accept(
        JournalEntry(
          id: record.head.id, accepted: Date().timeIntervalSince1970,
          request: Array(try JSONEncoder.api.encode(record)), queries: messages, images: images))
    } catch let error as JournalError {
      complain(error)
      guard stores else { return nil }
      throw APIError(
        status: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
        message: "the request cannot be stored; without \"store\" it would be answered",
        type: .unavailable, param: "store", code: "not_stored")
    } catch let fault as WireFault {
      throw APIError.invalid(fault.message, code: CoordinatorError.Code.invalidQuery.apiCode)
    }
    return AnswerRecording(record, of: queries, goesOn: stores, in: self)
  }

  /// The response of an earlier request, or what stands for it. Throws an ``APIError``.
  func response(_ id: String, _ kind: CompletionRecord.Kind) async throws -> Response {
    let prefix = kind == .chat ? "chatcmpl-" : "cmpl-"
    guard id.hasPrefix(prefix) else { throw APIError.unknownCompletion(id) }
    let state: JournalState?
    do { state = try await journal.state(of: id, now: Date().timeIntervalSince1970) } catch {
      complain(error)
      throw APIError(
        status: .serviceUnavailable, message: "the journal cannot be read", type: .unavailable,
        code: "not_stored", retryAfter: 5)
    }
    switch state {
    case nil: throw APIError.unknownCompletion(id)
    case .unfinished(let request):
      let record = try JSONDecoder().decode(CompletionRecord.self, from: Data(request))
      var response = Response.json(try record.inProgress(), status: .accepted)
      response.headers[.retryAfter] = "1"
      return response
    case .ended(let status, let body):
      return .json(Data(body), status: HTTPResponse.Status(code: status))
    }
  }

  // MARK: The end of a request

  func ended(_ id: String, status: Int, _ body: Data) async {
    await write { journal throws(JournalError) in
      try await journal.end(
        id, status: status, body: Array(body), now: Date().timeIntervalSince1970)
    }
  }

  /// Its client has gone; or this process ends, and the next one goes on with it.
  func abandoned(_ id: String) async {
    guard !running.isStopping else { return }
    await write { journal throws(JournalError) in try await journal.forget(id) }
  }

  /// Writes whether or not the task that asks for it was cancelled, as who hangs up does.
  private func write(
    _ body: @escaping @Sendable (Journal) async throws(JournalError) -> Void
  ) async {
    let writing = Task { () async -> JournalError? in
      do throws(JournalError) {
        try await body(journal)
        return nil
      } catch {
        return error
      }
    }
    if let error = await writing.value { complain(error) }
  }

  func failed(_ id: String, _ error: any Error) async {
    guard !running.isStopping else { return }
    let error = APIError(error, retryAfter: running.retryAfter)
    // What was never begun the client asks again.
    if error.retryAfter != nil { return await abandoned(id) }
    await ended(id, status: error.status.code, error.json)
  }

  // MARK: After a crash

  /// Asks what an earlier process accepted and did not finish, with the same seeds.
  func resume(_ cluster: any ServingCluster) async {
    let names: [String]
    do {
      try await journal.prune(now: Date().timeIntervalSince1970)
      names = try await journal.unfinished()
    } catch {
      return complain(error)
    }
    if !names.isEmpty { logger.info("goes on with \(names.count) requests of the journal") }
    await withTaskGroup(of: Void.self) { group in
      for (index, id) in names.enumerated() {
        if index >= Self.resumedAtOnce { await group.next() }
        group.addTask { await resume(id, cluster) }
      }
    }
  }

  private func resume(_ id: String, _ cluster: any ServingCluster) async {
    do {
      guard let entry = try await journal.entry(id) else { return }
      let record = try JSONDecoder().decode(CompletionRecord.self, from: Data(entry.request))
      let queries = try entry.queries.map { bytes in
        guard case .referringQuery(var query) = try decode(bytes) else {
          throw CoordinatorError(.internal, "the journal holds something else than a query")
        }
        query.images = entry.images
        return query
      }
      let recording = AnswerRecording(record, of: queries, goesOn: true, in: self)
      let feed = AnswerFeed(
        queries.enumerated().map { recording.follow(cluster.ask($1), choice: $0) })
      while try await feed.next() != nil {}
      logger.info("\(id) was finished")
    } catch let error as JournalError {
      complain(error)
    } catch {
      logger.warning("\(id) was not finished: \(error)")
      await failed(id, error)
    }
  }

  private func complain(_ error: JournalError) {
    Counter(label: "chatspot_journal_errors_total", dimensions: [], factory: metrics).increment()
    logger.warning("\(error)")
  }
}

extension APIError {
  static func unknownCompletion(_ id: String) -> APIError {
    APIError(
      status: .notFound,
      message: "there is no completion \(id.prefix(100)), or it is kept no longer",
      type: .notFound, code: "completion_not_found")
  }
}
