import CZeroMQ

/// The public half of a CURVE key pair: 32 bytes, written as 40 characters of Z85.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// The key in Z85, as it stands in files and as a socket knows its peer.
  public let text: String

  /// A key from its 40 characters of Z85. Throws `.invalidKey`.
  public init(_ text: String) throws(MessagingError) {
    guard Z85.bytes(text) != nil else { throw .invalidKey("a public key", text.utf8.count) }
    self.text = text
  }

  /// A key from its 32 bytes. Throws `.invalidKey`.
  public init(bytes: [UInt8]) throws(MessagingError) {
    guard let text = Z85.text(bytes) else { throw .invalidKey("a public key", bytes.count) }
    self.text = text
  }

  /// What ZeroMQ says a peer's key is.
  init(trusted text: String) { self.text = text }

  /// The 32 bytes.
  public var bytes: [UInt8] { Z85.bytes(text) ?? [] }

  /// The same as `text`.
  public var description: String { text }
}

/// Keys as text: ZeroMQ's Z85 of 32 bytes.
enum Z85 {
  /// The bytes of 40 characters, or `nil` if they are none.
  static func bytes(_ text: String) -> [UInt8]? {
    guard text.utf8.count == 40, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: 32)
    // Decoding overflows without a word; only what is written back the same is a key.
    guard zmq_z85_decode(&bytes, text) != nil, self.text(bytes) == text else { return nil }
    return bytes
  }

  /// 40 characters for 32 bytes, `nil` for any other count.
  static func text(_ bytes: [UInt8]) -> String? {
    guard bytes.count == 32 else { return nil }
    var characters = [CChar](repeating: 0, count: 41)
    guard zmq_z85_encode(&characters, bytes, bytes.count) != nil else { return nil }
    return String(decoding: characters.prefix(40).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension MessagingError {
  static func invalidKey(_ what: String, _ count: Int) -> MessagingError {
    MessagingError(
      .invalidKey, "\(what) of \(count) characters is none: a key has 40 characters of Z85",
      remedy: "Copy the whole key, or make new ones with `chatspot keys`")
  }
}
