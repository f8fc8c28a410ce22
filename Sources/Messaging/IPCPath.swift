import Glibc

/// What stands at the path of an `ipc://` address before a socket listens there.
///
/// ZeroMQ deletes whatever it finds at the path and binds. That would silently take over the
/// address of a living process, or delete somebody's file.
enum IPCPath {
  /// Throws `.addressInUse` if somebody listens at the path, `.invalidAddress` if there is a file
  /// that is no socket. A socket that a dead process left behind is fine.
  static func requireFree(_ path: String, of address: Address) throws(MessagingError) {
    if !path.hasPrefix("@") {
      var status = stat()
      guard lstat(path, &status) == 0 else { return }
      guard status.st_mode & S_IFMT == S_IFSOCK else {
        throw MessagingError(
          .invalidAddress, "The path of \(address) is taken by something that is no socket",
          remedy: "Choose another path or remove it")
      }
    }
    if hasListener(path) { throw .addressInUse(address) }
  }

  private static func hasListener(_ path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { target in
      target.copyBytes(from: bytes)
      // An abstract name starts with a zero in place of the "@".
      if bytes.first == UInt8(ascii: "@") { target[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return false }
    defer { Glibc.close(descriptor) }
    let answer = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, length)
      }
    }
    // A full backlog answers EAGAIN: somebody listens, only slowly.
    return answer == 0 || errno == EAGAIN
  }
}
