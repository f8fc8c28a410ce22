/// What the owner of a key may do.
public enum IdentityRole: String, Sendable, CaseIterable {
  /// Plans and schedules. Members and clients know it by its key; it never connects to anybody.
  case coordinator
  /// Joins as a decoder worker.
  case worker
  /// Joins as a vision node.
  case vision
  /// Asks queries.
  case client
}

/// Who the owner of a key is.
public struct Identity: Sendable, Hashable {
  /// Its name: 1 to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit.
  public let name: String
  /// What it may do.
  public let role: IdentityRole
  /// How it is known.
  public let key: PublicKey

  /// Throws `.invalidKey` for a name that breaks the rule.
  public init(name: String, role: IdentityRole, key: PublicKey) throws(MessagingError) {
    guard Self.isName(name) else {
      throw MessagingError(
        .invalidKey, "\(name.debugDescription) is no name of an identity",
        remedy: "Use 1 to 64 letters, digits, -, _ and ., beginning with a letter or digit")
    }
    self.name = name
    self.role = role
    self.key = key
  }

  /// Also safe as part of a file's name.
  private static func isName(_ text: String) -> Bool {
    func isPlain(_ byte: UInt8) -> Bool {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: false
      }
    }
    let utf8 = text.utf8
    return (1...64).contains(utf8.count) && utf8.first.map(isPlain) == true
      && utf8.allSatisfy { isPlain($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f }
  }
}
