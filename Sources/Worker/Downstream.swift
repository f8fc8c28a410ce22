/// The connection to whoever comes next on the data's way.

internal import Messaging
internal import Wire

/// A push socket to one data endpoint at a time. Lives on a reactor; everything happens on its
/// thread.
struct Downstream {
  private let reactor: Reactor
  /// Whether it may be on another machine, without encryption.
  private let isInsecure: Bool
  /// Our own keys; nil speaks plaintext.
  private let keys: KeyPair?
  private var connection: (socket: Socket, address: Address, key: PublicKey?)?

  init(reactor: Reactor, isInsecure: Bool, keys: KeyPair?) {
    self.reactor = reactor
    self.isInsecure = isInsecure
    self.keys = keys
  }

  /// Connects to `endpoint` in place of what it was connected to; empty is nobody. With keys, only
  /// to the owner of `key`.
  ///
  /// Throws `.notLoopback` for another machine's where that is not allowed, `.invalidKey` if there
  /// is no key of whom it is to be.
  mutating func connect(_ endpoint: String, key: [UInt8]) throws(MessagingError) {
    let address = endpoint.isEmpty ? nil : try Address(endpoint)
    let peer = keys == nil || address == nil ? nil : try PublicKey(bytes: key)
    guard address != connection?.address || peer != connection?.key else { return }
    close()
    guard let address else { return }
    try address.requireKeys(keys != nil, unless: isInsecure)
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    if let keys, let peer { options.security = .client(keys, server: peer) }
    let socket = try reactor.makeSocket(.push, options: options)
    try socket.connect(address)
    connection = (socket, address, peer)
  }

  /// Sends a message. Throws what keeps it from being sent.
  func send(_ message: Message) throws {
    guard let connection else {
      throw MessagingError(
        .unreachable, "\(message.name) has nowhere to go: no plan names a next stage")
    }
    try connection.socket.send(try encode(message))
  }

  mutating func close() {
    connection?.socket.close()
    connection = nil
  }
}
