/// Where a socket listens or connects: `tcp://host:port`, `ipc://path` or `inproc://name`.
///
/// Two addresses are equal when their canonical texts are: host names in lower case, IP addresses
/// in their shortest form.
public struct Address: Sendable, Hashable, CustomStringConvertible {
  /// The ways in which bytes travel.
  public enum Transport: String, Sendable, CaseIterable {
    /// TCP, on this machine or between machines.
    case tcp
    /// A Unix domain socket.
    case ipc
    /// Within one process and one `MessagingContext`. No events are raised, and a connection is
    /// not made again when the listening socket closes.
    case inproc
  }

  enum Place: Hashable, Sendable {
    /// `nil` stands for a port that the system chooses.
    case tcp(Host, port: UInt16?)
    /// `nil` stands for a path that ZeroMQ chooses.
    case ipc(path: String?)
    case inproc(name: String)
  }

  let place: Place

  /// A TCP address. `port` 0 lets the system choose.
  ///
  /// Throws `.invalidAddress` if `host` is no IP address (IPv6 with or without brackets), host
  /// name, interface name or `*`.
  public init(host: String, port: UInt16) throws(MessagingError) {
    let bare =
      host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    guard let host = Host(bare) else { throw .invalidHost(host, in: "\(host):\(port)") }
    place = .tcp(host, port: port == 0 ? nil : port)
  }

  init(place: Place) {
    self.place = place
  }

  /// A port of this machine that only this machine can reach. Port 0 lets the system choose.
  public static func loopback(port: UInt16) -> Address {
    Address(place: .tcp(.ipv4("127.0.0.1"), port: port == 0 ? nil : port))
  }

  /// How bytes travel.
  public var transport: Transport {
    switch place {
    case .tcp: .tcp
    case .ipc: .ipc
    case .inproc: .inproc
    }
  }

  /// The host of a TCP address, IPv6 without brackets; `*` stands for all interfaces.
  public var host: String? {
    if case .tcp(let host, _) = place { return host.text }
    return nil
  }

  /// The port of a TCP address, `nil` if the system is to choose it.
  public var port: UInt16? {
    if case .tcp(_, let port) = place { return port }
    return nil
  }

  /// Whether the address names no single place yet: all interfaces, or a port or path to be chosen.
  /// One can listen on it but not connect to it.
  public var isWildcard: Bool {
    switch place {
    case .tcp(let host, let port): host.isWildcard || port == nil
    case .ipc(let path): path == nil
    case .inproc: false
    }
  }

  /// Whether only this machine can reach the address. The name `localhost` counts.
  public var isLoopback: Bool {
    if case .tcp(let host, _) = place { return host.isLoopback }
    return true
  }

  /// The canonical text, as ZeroMQ takes it.
  public var description: String {
    switch place {
    case .tcp(let host, let port): "tcp://\(host.bracketed):\(port.map { String($0) } ?? "*")"
    case .ipc(let path): "ipc://\(path ?? "*")"
    case .inproc(let name): "inproc://\(name)"
    }
  }
}

extension Address {
  /// What ZeroMQ binds to: it takes no host names here, but `localhost` is what people write.
  var bindEndpoint: String {
    if case .tcp(.name("localhost"), let port) = place {
      return Address(place: .tcp(.ipv4("127.0.0.1"), port: port)).description
    }
    return description
  }
}
