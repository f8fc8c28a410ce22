/// The name by which a router knows one of its peers: ZeroMQ's routing id, 1 to 255 bytes.
///
/// A peer that sets `SocketOptions.identity` keeps its name when it connects again; otherwise the
/// router makes one up (five bytes, the first of them zero) for each connection.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible {
  /// The bytes as they stand in the routing frame.
  public let bytes: [UInt8]

  /// An identity of these bytes. One that no peer can have is merely unreachable.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// An identity spelled by the UTF-8 bytes of a text.
  public init(_ text: String) {
    self.init(Array(text.utf8))
  }

  /// The text if all bytes are printable ASCII, otherwise `0x` and the bytes in hexadecimal.
  public var description: String {
    if !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7e).contains($0) }) {
      return String(decoding: bytes, as: UTF8.self)
    }
    let digits = Array("0123456789abcdef")
    return bytes.reduce(into: "0x") { text, byte in
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
  }
}
