internal import Foundation
import Glibc

/// Where a cluster's keys are kept: `NAME.key` for each identity whose secret is here, and
/// `allowed`, the list of those who may connect.
public struct KeyDirectory: Sendable {
  public let path: String

  /// The coordinator's name, and so its file's.
  private static let coordinator = "coordinator"

  public init(path: String) { self.path = path }

  /// `chatspot/keys` in the user's configuration directory.
  public static var standard: KeyDirectory {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? NSHomeDirectory() + "/.config"
    return KeyDirectory(path: base + "/chatspot/keys")
  }

  /// The allow-list's file.
  public var listPath: String { path + "/allowed" }

  /// The file of an identity's secret.
  public func keyPath(_ name: String) -> String { path + "/\(name).key" }

  /// Makes the coordinator's identity and a first one of each other role, named as the role.
  ///
  /// Throws `.invalidKey` if there are keys already.
  public func make() throws(MessagingError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw MessagingError(
        .invalidKey, "the directory \(path) cannot be made", remedy: "Name another with --keys")
    }
    let pair = try KeyPair.make()
    let file = try KeyFile(
      name: Self.coordinator, role: .coordinator, pair: pair, coordinator: pair.publicKey)
    try SecretFile.write(file.text, to: keyPath(Self.coordinator), replaces: false)
    try write(IdentityList())
    for role in IdentityRole.allCases where role != .coordinator {
      _ = try add(role.rawValue, role: role)
    }
  }

  /// Makes an identity: its key file here, and its line in the allow-list. Throws `.invalidKey`.
  public func add(_ name: String, role: IdentityRole) throws(MessagingError) -> KeyFile {
    guard role != .coordinator else {
      throw MessagingError(
        .invalidKey, "a cluster has one coordinator",
        remedy: "Make another directory of keys for another cluster")
    }
    var list = try list()
    let pair = try KeyPair.make()
    let file = try KeyFile(
      name: name, role: role, pair: pair, coordinator: coordinatorFile().pair.publicKey)
    try list.add(try Identity(name: name, role: role, key: pair.publicKey))
    try SecretFile.write(file.text, to: keyPath(name), replaces: false)
    try write(list)
    return file
  }

  /// Takes an identity off the allow-list and removes its secret, if that is here. A running
  /// coordinator cuts it off. Throws `.invalidKey` if there is none.
  public func revoke(_ name: String) throws(MessagingError) -> Identity {
    var list = try list()
    guard let identity = list.remove(name) else {
      throw MessagingError(
        .invalidKey, "there is no identity \(name)", remedy: "See `chatspot keys list`")
    }
    try write(list)
    unlink(keyPath(name))
    return identity
  }

  /// The allow-list as it is now. Throws `.invalidKey`.
  public func list() throws(MessagingError) -> IdentityList {
    try IdentityList(parsing: SecretFile.read(listPath))
  }

  /// The coordinator's own key. Throws `.invalidKey`.
  public func coordinatorFile() throws(MessagingError) -> KeyFile {
    let file = try KeyFile(at: keyPath(Self.coordinator))
    guard file.role == .coordinator else {
      throw MessagingError(.invalidKey, "\(keyPath(Self.coordinator)) is not a coordinator's")
    }
    return file
  }

  /// The key of a member or client: of the file that `path` names, or, in a directory, of the file
  /// named as the role. Throws `.invalidKey`.
  public static func file(at path: String, for role: IdentityRole) throws(MessagingError) -> KeyFile
  {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    let isFile = !(exists && isDirectory.boolValue)
    return try KeyFile(at: isFile ? path : KeyDirectory(path: path).keyPath(role.rawValue))
  }

  private func write(_ list: IdentityList) throws(MessagingError) {
    try SecretFile.write(list.text, to: listPath, replaces: true)
  }
}
