import CZeroMQ

/// ZeroMQ's numbers for options that are set after a socket was made.
enum ZeroMQOption {
  static let ipv6 = ZMQ_IPV6
}

/// From `SocketOptions` to ZeroMQ's options.
extension SocketHandle {
  /// Sets all options; must come before the socket is bound or connected.
  func apply(_ options: SocketOptions, kind: SocketKind) throws(MessagingError) {
    var settings: [(option: Int32, value: Int)] = [
      (ZMQ_SNDHWM, options.sendHighWaterMark),
      (ZMQ_RCVHWM, options.receiveHighWaterMark),
      (ZMQ_LINGER, options.lingerMilliseconds),
      (ZMQ_HEARTBEAT_IVL, options.heartbeatIntervalMilliseconds),
      // ZeroMQ's own default, "as the interval", is -1.
      (
        ZMQ_HEARTBEAT_TIMEOUT,
        options.heartbeatTimeoutMilliseconds == 0 ? -1 : options.heartbeatTimeoutMilliseconds
      ),
      (ZMQ_HEARTBEAT_TTL, options.heartbeatTimeToLiveMilliseconds),
      (ZMQ_HANDSHAKE_IVL, options.handshakeMilliseconds),
      (ZMQ_CONNECT_TIMEOUT, options.connectMilliseconds),
      (ZMQ_RECONNECT_IVL, options.reconnectMilliseconds),
      (ZMQ_RECONNECT_IVL_MAX, options.reconnectMaxMilliseconds),
      (ZMQ_TCP_KEEPALIVE, options.tcpKeepalive ? 1 : 0),
      (ZMQ_IMMEDIATE, options.queuesForUnconnectedPeers ? 0 : 1),
    ]
    if kind == .router {
      settings.append((ZMQ_ROUTER_MANDATORY, 1))
      settings.append((ZMQ_ROUTER_HANDOVER, options.routerHandover ? 1 : 0))
    }
    for (option, value) in settings where !set(option, Int32(value)) {
      throw .fromZeroMQ(while: "setting ZeroMQ's option \(option) to \(value)")
    }
    guard set(ZMQ_MAXMSGSIZE, Int64(options.maxMessageBytes)) else {
      throw .fromZeroMQ(while: "setting the largest message size")
    }
    try apply(options.security)
    if let identity = options.identity, !set(ZMQ_ROUTING_ID, identity) {
      throw .fromZeroMQ(while: "setting the socket's identity")
    }
  }
  private func apply(_ security: SocketSecurity) throws(MessagingError) {
    let isApplied =
      switch security {
      case .none: true
      case .server(let pair, let list):
        set(ZMQ_CURVE_SERVER, Int32(1)) && set(ZMQ_ZAP_DOMAIN, Array(list.domain.utf8))
          && set(ZMQ_CURVE_SECRETKEY, Z85.bytes(pair.secretText) ?? [])
      case .client(let pair, let server):
        set(ZMQ_CURVE_SERVERKEY, server.bytes) && set(ZMQ_CURVE_PUBLICKEY, pair.publicKey.bytes)
          && set(ZMQ_CURVE_SECRETKEY, Z85.bytes(pair.secretText) ?? [])
      }
    guard isApplied else { throw .fromZeroMQ(while: "setting the socket's keys") }
  }
}
