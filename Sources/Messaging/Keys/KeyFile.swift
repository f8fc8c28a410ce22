internal import Foundation

/// What a process needs to prove who it is: its key pair, and whom it trusts as the coordinator.
public struct KeyFile: Sendable, Equatable {
  public let name: String
  public let role: IdentityRole
  public let pair: KeyPair
  /// The coordinator's public key: whoever has another is not spoken to.
  public let coordinator: PublicKey

  /// A file of a new identity. Throws `.invalidKey` for a name that breaks `Identity`'s rule.
  public init(
    name: String, role: IdentityRole, pair: KeyPair, coordinator: PublicKey
  ) throws(MessagingError) {
    _ = try Identity(name: name, role: role, key: pair.publicKey)
    self.name = name
    self.role = role
    self.pair = pair
    self.coordinator = coordinator
  }

  /// Reads a file. Throws `.invalidKey` if it is not there, not whole, or others may read it.
  public init(at path: String) throws(MessagingError) {
    let text = try SecretFile.read(path)
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      if words.count == 2, words[0] != "#" { values[words[0]] = words[1] }
    }
    guard let name = values["name"],
      let role = values["role"].flatMap(IdentityRole.init(rawValue:)),
      let secret = values["secret"], let coordinator = values["coordinator"]
    else {
      throw MessagingError(
        .invalidKey, "\(path) is no key file: name, role, secret or coordinator is missing",
        remedy: "Make one with `chatspot keys add`")
    }
    do {
      try self.init(
        name: name, role: role, pair: KeyPair(secretText: secret),
        coordinator: PublicKey(coordinator))
    } catch {
      throw MessagingError(.invalidKey, "\(path): \(error.message)", remedy: error.remedy)
    }
  }

  /// Who this is to others.
  public var identity: Identity? { try? Identity(name: name, role: role, key: pair.publicKey) }

  /// How a socket that connects to the coordinator is secured.
  public var toCoordinator: SocketSecurity { .client(pair, server: coordinator) }

  /// The file's text, with the secret.
  var text: String {
    """
    # A key of ChatSpot. Whoever has this file is this identity: keep it as you keep a password.
    name \(name)
    role \(role.rawValue)
    secret \(pair.secretText)
    coordinator \(coordinator)

    """
  }
}

extension KeyFile: CustomStringConvertible, CustomReflectable {
  /// Name, role and public key; never the secret.
  public var description: String { "\(name) (\(role.rawValue)) \(pair.publicKey)" }
  public var customMirror: Mirror { Mirror(self, children: ["name": name, "role": role]) }
}
