import CZeroMQ

/// Receiving, and the turn that the reactor gives each socket.
extension Socket {
  /// What one socket may receive in one turn, so that the others and the jobs get theirs.
  private static var turnMessages: Int { 64 }
  private static var turnBytes: Int { 16 << 20 }
  private static var turnEvents: Int { 64 }
  /// Turns that end with messages left, after which what a peer sent before it went counts as read: ZeroMQ
  /// takes peers in turns, so that a flood of one does not hold up another's.
  private static var fullTurns: Int { 16 }

  /// Does what can be done now. Afterwards either `needsService` is set or ZeroMQ's descriptor
  /// will tell of anything new.
  func service() {
    needsService = false
    let events = serviceMonitor()
    guard let before = handle.readiness() else { return fail() }
    var work = events
    if case .open = state {
      if before.canReceive, onMessage != nil { work += receive() } else { finishReading() }
    }
    if case .closed = state { return }
    let waiting = !outbox.isEmpty
    if waiting { work += flush() }
    if case .closed = state { return }
    if case .closing = state, outbox.isEmpty { return finish() }
    if work > 0 {
      needsService = true
    } else if waiting {
      // The tries just made may have taken in news, which the descriptor then no longer shows.
      guard let after = handle.readiness() else { return fail() }
      let isOpen = if case .open = state { true } else { false }
      needsService =
        (after.canReceive && isOpen && onMessage != nil) || (after.canSend && kind != .router)
        || !afterReading.isEmpty
    }
  }

  /// Hands out a batch of events and returns how many there were.
  private func serviceMonitor() -> Int {
    guard case .open = state else { return 0 }
    let reports = monitor.takeReports(limit: Self.turnEvents)
    for report in reports {
      // A handler may have closed it.
      guard case .open = state else { break }
      if case .accepted = report.event { connections.forgetLast() }
      limiter?.note(report, now: MonotonicClock.nanoseconds())
      onEvent?(report.event)
    }
    for source in limiter?.takeNewlyHeld() ?? [] { onEvent?(.connectionsLimited(from: source)) }
    return reports.count
  }

  /// Hands out a batch of messages and returns how many there were.
  private func receive() -> Int {
    var messages = 0
    var bytes = 0
    while messages < Self.turnMessages, bytes < Self.turnBytes, let onMessage {
      guard let received = receiveMessage() else {
        finishReading()
        return messages
      }
      messages += 1
      bytes += received.byteCount
      if let reason = received.refusal {
        counters.refusedMessages += 1
        onEvent?(.messageRefused(peer: received.peer, reason: reason))
      } else {
        counters.receivedMessages += 1
        counters.receivedBytes += received.byteCount
        sender = received.sender
        onMessage(received.peer, received.payload)
      }
    }
    for index in afterReading.indices { afterReading[index].turns -= 1 }
    finishReading { $0 <= 0 }
    return messages
  }

  /// Calls `action` on the reactor's thread once every message that has come by now was handed out, or so
  /// many were that those of one peer among them are; not at all if the socket closes before.
  ///
  /// A peer to which nothing can be sent any more may have sent something before it went, a goodbye
  /// above all: a listening socket keeps it for the reader, while sending fails already. One that
  /// connects may drop it when the connection ends (`queuesForUnconnectedPeers`).
  public func afterReadingAll(_ action: @escaping () -> Void) {
    reactor.preconditionIsCurrent()
    guard case .open = state else { return }
    afterReading.append((Self.fullTurns, action))
    needsService = true
  }

  /// Does what was to be done once all is read, as far as its turns left are such.
  private func finishReading(_ isDue: (Int) -> Bool = { _ in true }) {
    let due = afterReading.filter { isDue($0.turns) }
    afterReading.removeAll { isDue($0.turns) }
    for waiting in due { waiting.action() }
  }

  private struct Received {
    var peer: PeerIdentity?
    var payload: [UInt8] = []
    var byteCount = 0
    var refusal: SocketEvent.RefusalReason?
    var sender: PublicKey?
  }

  /// The next message; `nil` when none is there. ZeroMQ hands messages over whole, so once the
  /// first part is there the others are.
  private func receiveMessage() -> Received? {
    var received = Received()
    guard var part = receivePart() else { return nil }
    if kind == .router {
      received.peer = PeerIdentity(part.bytes ?? [])
      guard part.hasMore,
        let payload = receivePart()
      else {
        received.refusal = .notOnePart
        return received
      }
      part = payload
    }
    received.byteCount = part.byteCount
    if part.hasMore {
      received.refusal = .notOnePart
      while part.hasMore, let next = handle.receivePart(byteLimit: 0) { part = next }
    } else if !authenticate(part) {
      received.refusal = .keyNotAllowed
    } else if let bytes = part.bytes {
      received.sender = part.sender
      received.payload = bytes
    } else {
      received.refusal = .tooLarge(bytes: part.byteCount)
    }
    return received
  }

  private func receivePart() -> SocketHandle.Part? {
    handle.receivePart(
      byteLimit: options.maxMessageBytes, authenticates: options.security.allowList != nil)
  }

  /// Whether the sender of a message may still send; otherwise its connection ends.
  private func authenticate(_ part: SocketHandle.Part) -> Bool {
    guard let list = options.security.allowList else { return true }
    guard let sender = part.sender else { return false }
    connections.note(sender, descriptor: part.descriptor)
    if list.contains(sender) {
      limiter?.authenticated(sender, descriptor: part.descriptor)
      return true
    }
    cutOff(sender)
    return false
  }

  /// Ends the connections of a peer at once. Unless the allow-list refuses it, it may connect again,
  /// though no more often than a stranger for a minute.
  public func cutOff(_ key: PublicKey) {
    reactor.preconditionIsCurrent()
    connections.end(key)
    limiter?.distrust(key)
  }

  /// Ends the connections of all whom the allow-list does not name any more. They would end with their
  /// next message; what waits to be sent to them is not delivered.
  public func cutOffWhoIsNotAllowed() {
    reactor.preconditionIsCurrent()
    guard let list = options.security.allowList else { return }
    for key in connections.keys where !list.contains(key) { connections.end(key) }
  }

  /// ZeroMQ no longer serves the socket: its context was terminated.
  private func fail() { finish() }
}
