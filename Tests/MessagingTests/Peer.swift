import Messaging

/// An actor with one socket that records what comes in, for tests to await.
actor Peer {
  struct Message: Equatable {
    var sender: PeerIdentity?
    var bytes: [UInt8]
    /// The sender's key, where the socket authenticates.
    var key: PublicKey?
  }

  nonisolated let reactor: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

  private(set) var events: [SocketEvent] = []
  private var socket: Socket?
  private var messages: [Message] = []
  private var echoes = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  init(reactor: Reactor) {
    self.reactor = reactor
  }

  func open(
    _ kind: SocketKind, _ options: SocketOptions = .test, context: MessagingContext
  ) throws(MessagingError) {
    let socket = try reactor.makeSocket(kind, options: options, context: context)
    self.socket = socket
    resumeReading()
    socket.onEvent = { [weak self] event in
      self?.assumeIsolated { $0.happened(event) }
    }
  }

  func resumeReading() {
    socket?.onMessage = { [weak self] sender, bytes in
      self?.assumeIsolated { $0.received(sender, bytes) }
    }
  }

  func stopReading() { socket?.onMessage = nil }

  /// Reads on, and returns how many messages had come when all were said to be read.
  func readAll() async -> Int {
    let before = messages.count
    return await withCheckedContinuation { continuation in
      resumeReading()
      socket?.afterReadingAll { [weak self] in
        self?.assumeIsolated { continuation.resume(returning: $0.messages.count - before) }
      }
    }
  }

  func bind(_ address: Address) throws(MessagingError) -> Address {
    try use().bind(address)
  }

  func connect(_ address: Address) throws(MessagingError) { try use().connect(address) }

  func disconnect(_ address: Address) throws(MessagingError) { try use().disconnect(address) }

  func unbind(_ address: Address) throws(MessagingError) { try use().unbind(address) }

  func send(_ bytes: [UInt8], to peer: PeerIdentity? = nil) throws(MessagingError) {
    try use().send(bytes, to: peer)
  }

  /// Sends all messages in one go, while this reactor does nothing else.
  func send(all messages: [[UInt8]], to peer: PeerIdentity? = nil) throws(MessagingError) {
    for message in messages { try use().send(message, to: peer) }
  }

  /// From now on answers every message with itself, before it is recorded.
  func echo() { echoes = true }

  func cutOff(_ key: PublicKey) { socket?.cutOff(key) }

  /// Closes the socket and returns what went through it.
  @discardableResult
  func close() -> SocketCounters? {
    defer { socket = nil }
    socket?.close()
    return socket?.counters
  }

  var outboxMessageCount: Int { socket?.outboxMessageCount ?? 0 }

  /// The next message in the order of arrival.
  func next() async -> Message {
    while messages.isEmpty { await change() }
    return messages.removeFirst()
  }

  func next(_ count: Int) async -> [Message] {
    var all: [Message] = []
    while all.count < count { all.append(await next()) }
    return all
  }

  /// Waits for an event, past or future; the events up to it are forgotten.
  @discardableResult
  func event(where matches: @Sendable (SocketEvent) -> Bool) async -> SocketEvent {
    while true {
      if let index = events.firstIndex(where: matches) {
        let event = events[index]
        events.removeFirst(index + 1)
        return event
      }
      await change()
    }
  }

  /// Sends one message after the other's echo came back, `count` times.
  func roundTrips(_ count: Int, _ bytes: [UInt8]) async throws -> Bool {
    for _ in 0..<count {
      try send(bytes)
      if await next().bytes != bytes { return false }
    }
    return true
  }

  private func use() throws(MessagingError) -> Socket {
    guard let socket else { throw MessagingError(.closed, "The test's socket is closed") }
    return socket
  }

  private func change() async {
    await withCheckedContinuation { waiters.append($0) }
  }

  private func received(_ sender: PeerIdentity?, _ bytes: [UInt8]) {
    assertIsolated()
    let message = Message(sender: sender, bytes: bytes, key: socket?.sender)
    if echoes { try? socket?.send(message.bytes, to: message.sender) }
    messages.append(message)
    wakeWaiters()
  }

  private func happened(_ event: SocketEvent) {
    assertIsolated()
    events.append(event)
    wakeWaiters()
  }

  private func wakeWaiters() {
    let waking = waiters
    waiters = []
    for waiter in waking { waiter.resume() }
  }
}

extension SocketOptions {
  /// Quick to connect again, so that tests do not wait.
  static var test: SocketOptions {
    var options = SocketOptions()
    options.reconnectMilliseconds = 5
    options.reconnectMaxMilliseconds = 20
    options.lingerMilliseconds = 2000
    return options
  }

  static func test(_ change: (inout SocketOptions) -> Void) -> SocketOptions {
    var options = test
    change(&options)
    return options
  }
}
