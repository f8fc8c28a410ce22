/// Reading addresses.
extension Address {
  /// An address from its text: `tcp://host:port`, `tcp://host:*`, `host:port`, `[::1]:port`,
  /// `ipc://path`, `ipc://@abstract-name`, `ipc://*` or `inproc://name`. Port 0 means `*`.
  ///
  /// Throws `.invalidAddress`.
  public init(_ text: String) throws(MessagingError) {
    guard text.utf8.count <= 512 else {
      throw .invalidAddress("An address of \(text.utf8.count) bytes is too long")
    }
    // ZeroMQ takes C strings; control characters would also spoil logs.
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
      throw .invalidAddress("The address \(text.debugDescription) has blanks or control characters")
    }
    let utf8 = text.utf8
    guard let colon = utf8.firstIndex(of: UInt8(ascii: ":")),
      utf8[colon...].starts(with: "://".utf8)
    else {
      self.init(place: try Self.tcpPlace(text, of: text))
      return
    }
    let rest = String(text[utf8.index(colon, offsetBy: 3)...])
    switch text[..<colon] {
    case "tcp": self.init(place: try Self.tcpPlace(rest, of: text))
    case "ipc": self.init(place: try Self.ipcPlace(rest, of: text))
    case "inproc":
      guard !rest.isEmpty, rest.utf8.count <= 200 else {
        throw .invalidAddress("The name in the address \(text) is empty or longer than 200 bytes")
      }
      self.init(place: .inproc(name: rest))
    default:
      throw .invalidAddress("The address \(text) has an unknown transport")
    }
  }

  /// `host:port`, of the whole `text` that errors name.
  private static func tcpPlace(_ rest: String, of text: String) throws(MessagingError) -> Place {
    guard let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")) else {
      throw .invalidAddress("The address \(text) has no port")
    }
    let hostText = String(rest[..<colon])
    let port = try portNumber(rest[rest.utf8.index(after: colon)...], of: text)
    if hostText.hasPrefix("[") {
      guard hostText.hasSuffix("]"), let host = Host(String(hostText.dropFirst().dropLast())),
        host.isIPv6
      else { throw .invalidHost(hostText, in: text) }
      return .tcp(host, port: port)
    }
    // Without brackets it is unclear which colon stands before the port.
    guard !hostText.utf8.contains(UInt8(ascii: ":")), let host = Host(hostText) else {
      throw .invalidHost(hostText, in: text)
    }
    return .tcp(host, port: port)
  }

  /// A port from 1 to 65535; `nil` for `*` and 0, which leave the choice to the system.
  private static func portNumber(
    _ text: Substring, of address: String
  ) throws(MessagingError) -> UInt16? {
    if text == "*" { return nil }
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(text)
    else {
      throw .invalidAddress("The port \"\(text)\" in the address \(address) is not 1 to 65535 or *")
    }
    return port == 0 ? nil : port
  }

  private static func ipcPlace(_ path: String, of text: String) throws(MessagingError) -> Place {
    if path == "*" { return .ipc(path: nil) }
    // `sun_path` has 108 bytes with the closing zero; "@" starts an abstract name, not a file.
    guard !path.isEmpty, path != "@", path.utf8.count <= 107 else {
      throw .invalidAddress("The path in the address \(text) is empty or longer than 107 bytes")
    }
    return .ipc(path: path)
  }
}

extension MessagingError {
  static func invalidAddress(_ message: String) -> MessagingError {
    MessagingError(
      .invalidAddress, message,
      remedy: "Write tcp://host:port, host:port, [::1]:port, ipc://path or inproc://name")
  }

  static func invalidHost(_ host: String, in text: String) -> MessagingError {
    .invalidAddress("The host \"\(host)\" in the address \(text) is no IP address or host name")
  }
}
