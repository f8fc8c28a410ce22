/// Sending: straight to ZeroMQ while it takes messages, through the outbox otherwise.
extension Socket {
  /// Sends one message without waiting. While ZeroMQ takes none, the message waits in the outbox;
  /// messages to one peer keep their order.
  ///
  /// - Parameters:
  ///   - bytes: the payload; may be empty.
  ///   - peer: the receiver's identity; given for a router, never otherwise.
  ///
  /// Throws `.tooLarge`, `.congested` when the outbox is full, `.unreachable` when the router has
  /// no such peer, `.closed` or `.system`. A message that throws is not sent.
  public func send(_ bytes: [UInt8], to peer: PeerIdentity? = nil) throws(MessagingError) {
    try requireOpen()
    precondition(kind.sends, "a pull socket only receives")
    precondition((kind == .router) == (peer != nil), "a peer is named for a router, and only then")
    guard bytes.count <= options.maxMessageBytes else {
      throw MessagingError(
        .tooLarge,
        "A message of \(bytes.count) bytes exceeds the limit of \(options.maxMessageBytes)",
        remedy: "Send it in smaller parts or raise maxMessageBytes on both sides")
    }
    if outbox.hasMessages(for: peer) {
      return try enqueue(bytes, for: peer)
    }
    needsService = true
    switch handle.send(bytes, to: peer) {
    case .sent: count(sent: bytes)
    case .wouldBlock: try enqueue(bytes, for: peer)
    case .unreachable: throw .unreachable(peer)
    case .failed(let number): throw .fromZeroMQ(number, while: "sending a message")
    }
  }

  /// Offers ZeroMQ what waits in the outbox; returns how many messages left it.
  func flush() -> Int {
    var moved = 0
    for peer in outbox.peers {
      moved += flush(to: peer)
    }
    // A router's readiness speaks for any of its peers, not for the blocked ones, so they are
    // tried again after a while even if ZeroMQ gives no sign.
    retryDeadline =
      kind == .router && !outbox.isEmpty
      ? MonotonicClock.nanoseconds() + Self.retryNanoseconds : nil
    return moved
  }

  private static var retryNanoseconds: UInt64 { 20_000_000 }

  private func flush(to peer: PeerIdentity?) -> Int {
    var moved = 0
    while let bytes = outbox.first(for: peer) {
      switch handle.send(bytes, to: peer) {
      case .wouldBlock:
        return moved
      case .sent:
        outbox.removeFirst(for: peer)
        count(sent: bytes)
        moved += 1
      case .unreachable, .failed:
        let dropped = outbox.removeAll(for: peer)
        counters.droppedMessages += dropped
        onEvent?(.messagesDropped(peer: peer, count: dropped))
        return moved + dropped
      }
    }
    return moved
  }

  private func enqueue(_ bytes: [UInt8], for peer: PeerIdentity?) throws(MessagingError) {
    guard outbox.append(bytes, for: peer) else {
      throw MessagingError(
        .congested,
        "\(outbox.messageCount) messages of \(outbox.byteCount) bytes wait to be sent already",
        remedy: "Wait until the peer has taken some")
    }
    if kind == .router, retryDeadline == nil {
      retryDeadline = MonotonicClock.nanoseconds() + Self.retryNanoseconds
    }
  }

  private func count(sent bytes: [UInt8]) {
    counters.sentMessages += 1
    counters.sentBytes += bytes.count
  }
}

extension MessagingError {
  static func unreachable(_ peer: PeerIdentity?) -> MessagingError {
    MessagingError(
      .unreachable, "No peer \(peer?.description ?? "") is connected",
      remedy: "Wait until it connects again")
  }
}
