internal import Foundation

/// The allow-list: one identity a line, as `name role key`. Blank lines and lines that begin with
/// `#` and a blank mean nothing.
public struct IdentityList: Sendable, Equatable {
  /// The identities, in the order of their lines.
  public private(set) var identities: [Identity]

  /// Most identities of a list.
  static let countMax = 4096

  public init(_ identities: [Identity] = []) { self.identities = identities }

  /// Reads a list. Throws `.invalidKey`, naming the line: half a list is none.
  public init(parsing text: String) throws(MessagingError) {
    identities = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, first != "#" else { continue }
      guard words.count == 3, let role = IdentityRole(rawValue: words[1]) else {
        throw MessagingError(
          .invalidKey, "line \(index + 1) of the allow-list is not `name role key`",
          remedy: "Roles are worker, vision, client and coordinator")
      }
      let identity: Identity
      do {
        identity = try Identity(name: words[0], role: role, key: PublicKey(words[2]))
      } catch {
        throw MessagingError(
          .invalidKey, "line \(index + 1) of the allow-list: \(error.message)",
          remedy: error.remedy)
      }
      try add(identity)
    }
  }

  /// Throws `.invalidKey` if the name or the key is there already.
  public mutating func add(_ identity: Identity) throws(MessagingError) {
    guard self[identity.name] == nil, !identities.contains(where: { $0.key == identity.key }) else {
      throw MessagingError(
        .invalidKey, "there is an identity \(identity.name) already, or one of the same key",
        remedy: "Choose another name, or revoke it first")
    }
    guard identities.count < Self.countMax else {
      throw MessagingError(.invalidKey, "the allow-list has \(Self.countMax) identities already")
    }
    identities.append(identity)
  }

  /// Takes an identity out; `nil` if there is none of that name.
  public mutating func remove(_ name: String) -> Identity? {
    guard let index = identities.firstIndex(where: { $0.name == name }) else { return nil }
    return identities.remove(at: index)
  }

  /// The identity of a name.
  public subscript(name: String) -> Identity? { identities.first { $0.name == name } }

  /// The file's text.
  var text: String {
    "# Who may connect to the coordinator: name, role, public key. Kept by `chatspot keys`.\n"
      + identities.map { "\($0.name) \($0.role.rawValue) \($0.key)\n" }.joined()
  }
}
