/// The end of a socket.
extension Socket {
  /// Closes the socket: no handler is called any more, and what was sent is delivered within
  /// `lingerMilliseconds`, also what waits in the outbox. Idempotent.
  ///
  /// Delivered means into the peer's queue. A peer that is at its receive high-water mark when an
  /// ipc connection closes loses what it has not read yet, as ZeroMQ gives the connection up;
  /// credits keep peers below their mark.
  ///
  /// The address of a listening socket becomes free a moment later, as ZeroMQ closes it on a thread
  /// of its own; `unbind` tells when.
  public func close() {
    reactor.preconditionIsCurrent()
    guard case .open = state else { return }
    onMessage = nil
    onEvent = nil
    afterReading = []
    // The monitor goes at once: unread, it would keep waking the reactor.
    monitor.close()
    limiter?.close()
    reactor.loop.socketsChanged = true
    _ = flush()
    if outbox.isEmpty || options.lingerMilliseconds == 0 { return finish() }
    let linger = UInt64(options.lingerMilliseconds) * 1_000_000
    state = .closing(deadline: MonotonicClock.nanoseconds() + linger)
    needsService = true
  }

  /// When the socket wants a turn although nothing happens to it.
  var deadline: UInt64? {
    if case .closing(let deadline) = state { return min(deadline, retryDeadline ?? deadline) }
    return [retryDeadline, limiter?.deadline].compactMap(\.self).min()
  }

  /// Does what was to be done at the deadline: ends the linger, lets in who was held off.
  func expire(now: UInt64) {
    limiter?.expire(now: now)
    if case .closing(let deadline) = state, now >= deadline { return finish() }
    if let retryDeadline, now >= retryDeadline { needsService = true }
  }

  /// Gives everything back.
  func finish() {
    if case .closed = state { return }
    state = .closed
    onMessage = nil
    onEvent = nil
    afterReading = []
    retryDeadline = nil
    needsService = false
    for peer in outbox.peers { counters.droppedMessages += outbox.removeAll(for: peer) }
    monitor.close()
    limiter?.close()
    handle.close()
    reactor.loop.socketsChanged = true
  }
}
