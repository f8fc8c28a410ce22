/// A ZeroMQ socket that lives on a reactor's thread.
///
/// Made by `Reactor.makeSocket`; everything on it must happen on that reactor's thread, which an
/// actor whose executor is the reactor gets for nothing:
///
///     actor Echo {
///       nonisolated let reactor: Reactor
///       nonisolated var unownedExecutor: UnownedSerialExecutor {
///         reactor.asUnownedSerialExecutor()
///       }
///       private var socket: Socket?
///
///       init(reactor: Reactor) { self.reactor = reactor }
///
///       func listen(on address: Address) throws -> Address {
///         let socket = try reactor.makeSocket(.router)
///         self.socket = socket
///         socket.onMessage = { [weak self] peer, bytes in
///           self?.assumeIsolated { $0.received(bytes, from: peer) }
///         }
///         return try socket.bind(address)
///       }
///
///       private func received(_ bytes: [UInt8], from peer: PeerIdentity?) {
///         try? socket?.send(bytes, to: peer)
///       }
///     }
///
/// The reactor keeps a socket until `close()` or its own shutdown, whether or not anybody else
/// does; handlers should therefore hold their owner weakly.
public final class Socket {
  enum State {
    case open
    /// Closed for its owner; delivers what waits in the outbox until the deadline.
    case closing(deadline: UInt64)
    case closed
  }

  /// How the socket exchanges messages.
  public let kind: SocketKind
  /// The limits and timings it was made with.
  public let options: SocketOptions
  /// What went through it so far.
  public internal(set) var counters = SocketCounters()
  /// Called for every message that arrives, on the reactor's thread, with the sender's identity
  /// (router only) and the payload. Messages wait in ZeroMQ while there is no handler.
  public var onMessage: ((PeerIdentity?, [UInt8]) -> Void)? {
    didSet {
      reactor.preconditionIsCurrent()
      needsService = true
    }
  }
  /// Called for what happens to the socket's connections, on the reactor's thread.
  public var onEvent: ((SocketEvent) -> Void)? {
    didSet { reactor.preconditionIsCurrent() }
  }

  /// The key of who sent the message that `onMessage` is being called for; `nil` where the socket
  /// does not authenticate.
  public internal(set) var sender: PublicKey?
  /// The descriptors of connections by the key that was authenticated on them.
  var connections = AuthenticatedConnections()

  /// Holds off who comes too often without a key, where the socket authenticates.
  let limiter: ConnectionLimiter?

  let reactor: Reactor
  /// Held so that the context outlives its sockets.
  let context: MessagingContext
  let handle: SocketHandle
  let monitor: SocketMonitor
  var outbox: Outbox
  var state = State.open
  /// What is to be done once all that has come is handed out, and after how many turns that end with
  /// messages left it is done nevertheless.
  var afterReading: [(turns: Int, action: () -> Void)] = []
  /// Whether ZeroMQ may have news that its descriptor does not show. The descriptor tells only of
  /// news since the last look, and every call on the socket looks.
  var needsService = true
  /// When a router tries its blocked peers again.
  var retryDeadline: UInt64?

  init(
    kind: SocketKind, options: SocketOptions, context: MessagingContext, reactor: Reactor
  ) throws(MessagingError) {
    try options.validate()
    if options.security.allowList != nil { try context.authenticate() }
    self.kind = kind
    self.options = options
    self.context = context
    self.reactor = reactor
    limiter = options.security.allowList == nil ? nil : ConnectionLimiter()
    outbox = Outbox(messageLimit: options.outboxMessages, byteLimit: options.outboxBytes)
    handle = try context.makeHandle(type: kind.zeroMQType)
    try handle.apply(options, kind: kind)
    monitor = try SocketMonitor(watching: handle, in: context)
  }

  /// Whether `close()` was called or the socket ended with its reactor or context.
  public var isClosed: Bool {
    if case .open = state { return false }
    return true
  }

  /// How many messages wait because ZeroMQ takes none at the moment.
  public var outboxMessageCount: Int { outbox.messageCount }

  /// Listens on an address and returns it with wildcards of port and path resolved.
  ///
  /// Throws `.addressInUse`, `.addressUnavailable`, `.invalidAddress`, `.closed` or `.system`.
  public func bind(_ address: Address) throws(MessagingError) -> Address {
    try requireOpen()
    if case .ipc(let path?) = address.place { try IPCPath.requireFree(path, of: address) }
    preferIPv6(for: address)
    guard handle.bind(address.bindEndpoint) else { throw .bindFailed(address) }
    needsService = true
    guard case .inproc = address.place else {
      guard let endpoint = handle.lastEndpoint else {
        throw .fromZeroMQ(while: "reading the address of \(address)")
      }
      return try Address(endpoint)
    }
    return address
  }

  /// Stops listening on an address that `bind` returned. The address is free again when the event
  /// `.closed` arrives. Connections that came through it end.
  public func unbind(_ address: Address) throws(MessagingError) {
    try requireOpen()
    needsService = true
    guard handle.unbind(address.bindEndpoint) else {
      throw .fromZeroMQ(while: "closing \(address)")
    }
  }

  /// Connects to an address; whether somebody listens there shows later (`onEvent`). ZeroMQ
  /// connects again by itself when the connection is lost (tcp and ipc).
  ///
  /// Throws `.invalidAddress` for a wildcard, `.closed` or `.system`.
  public func connect(_ address: Address) throws(MessagingError) {
    try requireOpen()
    guard !address.isWildcard else {
      throw MessagingError(
        .invalidAddress, "\(address) is an address to listen on, not to connect to",
        remedy: "Name one host and one port")
    }
    preferIPv6(for: address)
    guard handle.connect(address.description) else {
      throw .fromZeroMQ(while: "connecting to \(address)")
    }
    needsService = true
  }

  /// Gives up a connection made by `connect`.
  public func disconnect(_ address: Address) throws(MessagingError) {
    try requireOpen()
    needsService = true
    guard handle.disconnect(address.description) else {
      throw .fromZeroMQ(while: "disconnecting from \(address)")
    }
  }

  func requireOpen() throws(MessagingError) {
    reactor.preconditionIsCurrent()
    guard case .open = state else {
      throw MessagingError(.closed, "The \(kind.rawValue) socket is closed")
    }
  }

  /// ZeroMQ takes over the setting with the next bind or connect.
  private func preferIPv6(for address: Address) {
    guard case .tcp(let host, _) = address.place else { return }
    _ = handle.set(ZeroMQOption.ipv6, Int32(host.isIPv6 || options.prefersIPv6 ? 1 : 0))
  }
}
