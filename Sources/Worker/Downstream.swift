/// The connection to whoever comes next on the data's way.

internal import Messaging
internal import Wire

/// A push socket to one data endpoint at a time. Lives on a reactor; everything happens on its
/// thread.
struct Downstream {
  private let reactor: Reactor
  /// Whether it may be on another machine, without encryption.
  private let isInsecure: Bool
  private var connection: (socket: Socket, address: Address)?

  init(reactor: Reactor, isInsecure: Bool) {
    self.reactor = reactor
    self.isInsecure = isInsecure
  }

  /// Connects to `endpoint` in place of what it was connected to; empty is nobody.
  ///
  /// Throws `.notLoopback` for another machine's where that is not allowed.
  mutating func connect(_ endpoint: String) throws(MessagingError) {
    let address = endpoint.isEmpty ? nil : try Address(endpoint)
    guard address != connection?.address else { return }
    close()
    guard let address else { return }
    try address.requireLoopback(unless: isInsecure)
    var options = SocketOptions()
    options.maxMessageBytes = WireLimits.standard.messageBytes
    let socket = try reactor.makeSocket(.push, options: options)
    try socket.connect(address)
    connection = (socket, address)
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
