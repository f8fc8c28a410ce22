import Glibc

/// The allow-list of a directory, read again when its file changes.
public struct WatchedIdentities {
  private let directory: KeyDirectory
  private var seen: Stamp?
  /// The list that holds.
  public private(set) var list: IdentityList

  private struct Stamp: Equatable {
    var inode: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  /// Reads the list. Throws `.invalidKey`.
  public init(_ directory: KeyDirectory) throws(MessagingError) {
    self.directory = directory
    seen = Self.stamp(directory.listPath)
    list = try directory.list()
  }

  /// Looks whether the file has changed; true if another list holds now.
  ///
  /// Throws `.invalidKey` once for each change that leaves no list to read: the one before holds on.
  public mutating func refresh() throws(MessagingError) -> Bool {
    let now = Self.stamp(directory.listPath)
    guard now != seen else { return false }
    seen = now
    let fresh = try directory.list()
    defer { list = fresh }
    return fresh != list
  }

  private static func stamp(_ path: String) -> Stamp? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Stamp(
      inode: UInt64(status.st_ino), size: Int64(status.st_size),
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
  }
}
