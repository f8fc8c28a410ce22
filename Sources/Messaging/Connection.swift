import Glibc

/// A connection that ZeroMQ names by its descriptor. Descriptors are given again as soon as one is
/// closed; together with the inode they are not.
struct Connection: Hashable {
  let descriptor: Int32
  private let inode: UInt

  /// The connection that has the descriptor now; `nil` where it is closed, or no socket.
  init?(_ descriptor: Int32) {
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK
    else { return nil }
    self.descriptor = descriptor
    inode = UInt(status.st_ino)
  }

  /// Whether the descriptor still is this connection's.
  var isOpen: Bool { Connection(descriptor) == self }
}
