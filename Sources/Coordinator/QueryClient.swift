/// A client of a coordinator: asks referring queries and receives their answers.

public import Messaging
public import Wire

/// What a client hears about a query.
public enum QueryEvent: Sendable, Equatable {
  /// More text of the answer, and the tokens that it was made of if log-probabilities were asked
  /// for. The text may be empty where there are tokens.
  case text(String, [AnswerToken])
  /// The whole answer; nothing follows.
  case answer(Answer)
}

/// Speaks to one coordinator over ZeroMQ; many queries may be under way at once.
public actor QueryClient {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let address: Address
  private let keys: KeyFile?
  private var diagnosis: HandshakeDiagnosis
  private let clock = ContinuousClock()
  private let started: ContinuousClock.Instant
  private var socket: Socket?
  private var isWelcome = false
  private var waiting: [CheckedContinuation<Void, any Error>] = []
  private var streams: [UInt64: AsyncThrowingStream<QueryEvent, any Error>.Continuation] = [:]
  /// Who waits for a member to be drained.
  private var draining: [CheckedContinuation<Void, any Error>] = []
  private var lastQuery: UInt64 = 0

  private static let helloInterval = Duration.milliseconds(500)

  /// `keys` says who the client is, and whom it trusts as the coordinator; nil speaks plaintext.
  public init(coordinator: Address, keys: KeyFile? = nil) throws(MessagingError) {
    address = coordinator
    self.keys = keys
    diagnosis = HandshakeDiagnosis(hasKeys: keys != nil)
    reactor = try Reactor(name: "client")
    started = clock.now
  }

  /// Connects. Throws `.unreachable` if the coordinator does not answer within `timeout`.
  public func connect(timeout: Duration = .seconds(10)) async throws {
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    options.lingerMilliseconds = 200
    if let keys { options.security = keys.toCoordinator }
    let socket = try reactor.makeSocket(.dealer, options: options)
    socket.onMessage = { [weak self] _, bytes in self?.assumeIsolated { $0.receive(bytes) } }
    socket.onEvent = { [weak self] event in
      self?.assumeIsolated { $0.happened(event) }
    }
    try socket.connect(address)
    self.socket = socket
    try hello()
    reactor.every(Self.helloInterval) { [weak self] in self?.assumeIsolated { $0.tick(timeout) } }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        if isWelcome { continuation.resume() } else { waiting.append(continuation) }
      }
      try Task.checkCancellation()
    } onCancel: {
      Task { await giveUpConnecting() }
    }
  }

  /// Asks; events arrive until the answer, or an error ends them. A consumer that goes away cancels
  /// the query.
  public func ask(
    _ message: ReferringQueryMessage
  ) throws -> AsyncThrowingStream<QueryEvent, any Error> {
    guard let socket else {
      throw CoordinatorError(.unreachable, "the connection to \(address) is closed")
    }
    lastQuery += 1
    var message = message
    message.query = lastQuery
    let (stream, continuation) = AsyncThrowingStream<QueryEvent, any Error>.makeStream()
    // A coordinator forgets idle clients after some thousands of others.
    try hello()
    try socket.send(try encode(.referringQuery(message)))
    streams[lastQuery] = continuation
    let query = lastQuery
    continuation.onTermination = { [weak self] termination in
      guard case .cancelled = termination, let self else { return }
      Task { await self.cancel(query) }
    }
    return stream
  }

  /// Has a member's work moved to others; returns once it has been.
  ///
  /// Throws `.configuration` with the reason if it cannot be, and `.lost` with the connection.
  public func drain(_ name: String) async throws {
    guard let socket else {
      throw CoordinatorError(.unreachable, "the connection to \(address) is closed")
    }
    try socket.send(try encode(.drain(Drain(name: name))))
    try await withCheckedThrowingContinuation { draining.append($0) }
  }

  private func drained(_ drained: Drained) {
    let waiting = draining
    draining = []
    for continuation in waiting {
      guard !drained.problem.isEmpty else {
        continuation.resume()
        continue
      }
      continuation.resume(
        throwing: CoordinatorError(
          .configuration, "\(drained.name) cannot be drained: \(drained.problem)"))
    }
  }

  /// Ends the connection; queries under way are cancelled, and who waits in `connect` is told.
  public func close() {
    if isWelcome, let bytes = try? encode(.goodbye(Goodbye(reason: "the client ends"))) {
      try? socket?.send(bytes)
    }
    socket?.close()
    socket = nil
    for stream in streams.values { stream.finish() }
    streams = [:]
    end(CoordinatorError(.unreachable, "the connection to \(address) is closed"))
    reactor.shutdown()
  }

  private func giveUpConnecting() {
    for continuation in waiting { continuation.resume(throwing: CancellationError()) }
    waiting = []
  }

  private func cancel(_ query: UInt64) {
    guard streams.removeValue(forKey: query) != nil else { return }
    if let bytes = try? encode(.cancelQuery(CancelQuery(query: query))) { try? socket?.send(bytes) }
  }

  private func hello() throws {
    try socket?.send(try encode(.hello(Hello(role: .client))))
  }

  private func tick(_ timeout: Duration) {
    guard !isWelcome, let socket, !waiting.isEmpty else { return }
    if clock.now - started > timeout {
      end(
        CoordinatorError(
          .unreachable, "no coordinator answers at \(address)",
          remedy: "Start one there with `chatspot up` or `chatspot coordinator`"))
    } else if socket.outboxMessageCount == 0 {
      try? hello()
    }
  }

  private func receive(_ bytes: [UInt8]) {
    guard let message = try? decode(bytes) else { return }
    switch message {
    case .welcome:
      isWelcome = true
      for continuation in waiting { continuation.resume() }
      waiting = []
    case .answerText(let text):
      streams[text.query]?.yield(.text(text.text, text.tokens))
    case .answer(let answer):
      let stream = streams.removeValue(forKey: answer.query)
      stream?.yield(.answer(answer))
      stream?.finish()
    case .error(let error):
      receive(error)
    case .drained(let drained): self.drained(drained)
    case .goodbye(let goodbye):
      end(CoordinatorError(.lost, "the coordinator at \(address) left: \(goodbye.reason)"))
    default:
      break
    }
  }

  private func receive(_ error: WireError) {
    let cause = CoordinatorError(error)
    if let query = error.query {
      streams.removeValue(forKey: query)?.finish(throwing: cause)
    } else {
      end(cause)
    }
  }

  private func happened(_ event: SocketEvent) {
    if case .disconnected = event { connectionLost() }
    guard let reason = diagnosis.reason(after: event) else { return }
    end(CoordinatorError(.configuration, "the coordinator at \(address) refuses: \(reason)"))
  }

  /// The coordinator knows a connection, not a client: what was asked on this one is not answered.
  private func connectionLost() {
    isWelcome = false
    guard !streams.isEmpty || !draining.isEmpty else { return }
    end(
      CoordinatorError(
        .lost, "the connection to the coordinator at \(address) was lost",
        remedy: "Look at the coordinator's own log, and ask again when it runs"))
  }

  /// Everything under way ends with an error.
  private func end(_ error: CoordinatorError) {
    for continuation in waiting + draining { continuation.resume(throwing: error) }
    waiting = []
    draining = []
    for stream in streams.values { stream.finish(throwing: error) }
    streams = [:]
  }
}

extension CoordinatorError {
  init(_ wire: WireError) {
    let code: Code =
      switch wire.code {
      case .invalidQuery: .invalidQuery
      case .invalidImage: .invalidImage
      case .overloaded: .overloaded
      case .lost: .lost
      case .protocolVersion, .modelMismatch, .forbidden: .configuration
      case .deadline: .deadline
      case .unavailable: .unavailable
      case .invalidMessage, .internal: .internal
      }
    self.init(code, wire.text, remedy: wire.remedy, retryAfterSeconds: wire.retryAfterSeconds)
  }
}
