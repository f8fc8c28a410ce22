import CZeroMQ

/// A CURVE key pair. Whoever has the secret half is the identity.
public struct KeyPair: Sendable, Equatable {
  /// The half that others know.
  public let publicKey: PublicKey
  /// The secret half in Z85: for the file that keeps it, never for logs or messages.
  public let secretText: String

  /// Makes a new pair from the system's random numbers. Throws `.system` where libzmq was built
  /// without CURVE.
  public static func make() throws(MessagingError) -> KeyPair {
    var halves = (
      publicKey: [CChar](repeating: 0, count: 41), secret: [CChar](repeating: 0, count: 41)
    )
    guard zmq_curve_keypair(&halves.publicKey, &halves.secret) == 0 else {
      throw .fromZeroMQ(while: "making a key pair")
    }
    return try KeyPair(secretText: Self.text(halves.secret))
  }

  /// The pair of a secret half in Z85. Throws `.invalidKey`.
  public init(secretText: String) throws(MessagingError) {
    var publicText = [CChar](repeating: 0, count: 41)
    guard Z85.bytes(secretText) != nil, zmq_curve_public(&publicText, secretText) == 0 else {
      throw .invalidKey("a secret key", secretText.utf8.count)
    }
    publicKey = PublicKey(trusted: Self.text(publicText))
    self.secretText = secretText
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix(40).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

extension KeyPair: CustomStringConvertible, CustomReflectable {
  /// The public half alone.
  public var description: String { publicKey.text }
  /// Shows no secret to who dumps the value.
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}
