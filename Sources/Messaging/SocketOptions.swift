/// The limits and timings of one socket. Every one is bounded; `Reactor.makeSocket` checks them.
public struct SocketOptions: Sendable, Equatable {
  /// The largest payload in bytes, 1 to 1 GiB. The sender refuses more with `.tooLarge`. A peer
  /// that sends more over tcp or ipc is disconnected by ZeroMQ; over inproc the message is refused.
  public var maxMessageBytes = 64 << 20
  /// Messages that ZeroMQ holds for sending, for each peer, 1 to 1,000,000. Large messages need
  /// credits on top: ZeroMQ counts messages, not bytes.
  public var sendHighWaterMark = 256
  /// Messages that ZeroMQ holds unread, from each peer, 1 to 1,000,000. Over inproc, keep it at or
  /// below the sender's `sendHighWaterMark`: a sender that connected before anybody listened and
  /// reached its own mark may otherwise never be told that there is room again.
  public var receiveHighWaterMark = 256
  /// Messages that wait in the socket's outbox while ZeroMQ takes none, 1 to 1,000,000.
  public var outboxMessages = 1024
  /// Bytes that wait in the outbox, 1 to 64 GiB. An empty outbox takes any one message.
  public var outboxBytes = 128 << 20
  /// How long a closed socket may still deliver what was sent, 0 to 1 hour.
  public var lingerMilliseconds = 1000
  /// How often a connection is probed, 0 (never) to 1 hour. ZeroMQ's own threads answer, so a
  /// peer that computes is not taken for dead.
  public var heartbeatIntervalMilliseconds = 2000
  /// How long a probe may stay unanswered, 0 (as the interval) to 1 hour. It must exceed the time
  /// that the largest message takes on the link, since the answer waits behind it.
  public var heartbeatTimeoutMilliseconds = 15_000
  /// How long the peer waits for our probes before it hangs up, 0 (for ever) to 1 hour.
  public var heartbeatTimeToLiveMilliseconds = 15_000
  /// How long a new connection may take to say hello, 1 ms to 1 hour.
  public var handshakeMilliseconds = 10_000
  /// How long connecting may take before it is given up and begun anew, 1 ms to 1 hour. The kernel asks
  /// again at growing intervals, long after the other side would let us in.
  public var connectMilliseconds = 3000
  /// The first wait before connecting again, 1 ms to 1 hour.
  public var reconnectMilliseconds = 100
  /// The longest wait before connecting again; the wait doubles up to it. 0 keeps the first wait.
  public var reconnectMaxMilliseconds = 2000
  /// The name under which a router knows this socket: 1 to 255 bytes, the first not zero.
  public var identity: [UInt8]?
  /// Whether the kernel probes idle TCP connections too.
  public var tcpKeepalive = true
  /// Whether a new connection of a known identity replaces the old one. Without it a worker that
  /// restarts stays mute for as long as its dead connection lasts, and even after.
  public var routerHandover = true
  /// Whether messages are queued inside ZeroMQ for peers that are not connected (`ZMQ_IMMEDIATE`
  /// off). By default they wait in the outbox, whose bytes are bounded, and a push socket never
  /// commits a message to a peer that is away. The price: ZeroMQ then drops what a socket that connects
  /// has not read when the connection ends.
  public var queuesForUnconnectedPeers = false
  /// Whether host names resolve to IPv6 first and `*` listens on both families. IPv6 literals
  /// work without it.
  public var prefersIPv6 = false

  /// Encryption, and who may connect. Such sockets refuse peers without keys.
  public var security = SocketSecurity.none

  /// The defaults written beside each property.
  public init() {}

  /// Throws `.invalidOption` for the first option outside its range.
  public func validate() throws(MessagingError) {
    let hour = 3_600_000
    let ranges: [(name: String, value: Int, range: ClosedRange<Int>)] = [
      ("maxMessageBytes", maxMessageBytes, 1...(1 << 30)),
      ("sendHighWaterMark", sendHighWaterMark, 1...1_000_000),
      ("receiveHighWaterMark", receiveHighWaterMark, 1...1_000_000),
      ("outboxMessages", outboxMessages, 1...1_000_000),
      ("outboxBytes", outboxBytes, 1...(64 << 30)),
      ("lingerMilliseconds", lingerMilliseconds, 0...hour),
      ("heartbeatIntervalMilliseconds", heartbeatIntervalMilliseconds, 0...hour),
      ("heartbeatTimeoutMilliseconds", heartbeatTimeoutMilliseconds, 0...hour),
      ("heartbeatTimeToLiveMilliseconds", heartbeatTimeToLiveMilliseconds, 0...hour),
      ("handshakeMilliseconds", handshakeMilliseconds, 1...hour),
      ("connectMilliseconds", connectMilliseconds, 1...hour),
      ("reconnectMilliseconds", reconnectMilliseconds, 1...hour),
      ("reconnectMaxMilliseconds", reconnectMaxMilliseconds, 0...hour),
    ]
    for (name, value, range) in ranges where !range.contains(value) {
      throw MessagingError(
        .invalidOption, "The socket option \(name) is \(value)",
        remedy: "Choose a value from \(range.lowerBound) to \(range.upperBound)")
    }
    if let identity, !(1...255).contains(identity.count) || identity.first == 0 {
      throw MessagingError(
        .invalidOption, "The socket identity has \(identity.count) bytes or starts with zero",
        remedy: "Use 1 to 255 bytes, the first of them not zero")
    }
  }
}
