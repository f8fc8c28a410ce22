/// Somebody with or without a key who speaks the cluster's protocol by hand.

import Messaging
import Wire

actor KeyedPeer {
  private nonisolated let reactor: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
  private let address: Address
  private let security: SocketSecurity
  private let kind: SocketKind
  private var socket: Socket?
  private var messages: [Message] = []
  /// Whether a connection of its ended, or was not let in.
  private(set) var isCutOff = false

  /// `kind` is one that the socket at `address` takes: another is turned away whatever its key.
  init(_ address: Address, _ security: SocketSecurity, kind: SocketKind = .dealer) throws {
    self.kind = kind
    reactor = try Reactor(name: "peer")
    self.address = address
    self.security = security
  }

  /// Sends, connecting first if need be.
  func send(_ message: Message) throws {
    let socket = try self.socket ?? connect()
    try socket.send(try encode(message))
  }

  private func connect() throws -> Socket {
    var options = SocketOptions()
    options.security = security
    let socket = try reactor.makeSocket(kind, options: options)
    socket.onMessage = { [weak self] _, bytes in
      guard let message = try? decode(bytes) else { return }
      self?.assumeIsolated { $0.messages.append(message) }
    }
    socket.onEvent = { [weak self] event in
      switch event {
      case .disconnected, .keyRefused, .handshakeFailed:
        self?.assumeIsolated { $0.isCutOff = true }
      default: break
      }
    }
    try socket.connect(address)
    self.socket = socket
    return socket
  }

  /// The next message; nil where none comes within so many seconds.
  func next(within seconds: Double = 10) async -> Message? {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while messages.isEmpty, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(10))
    }
    return messages.isEmpty ? nil : messages.removeFirst()
  }

  func stop() {
    socket?.close()
    reactor.shutdown()
  }
}
