/// A pipe between this process and one child.

public import Foundation

/// A pipe whose ends are inherited by nobody but the child that is given one.
///
/// Foundation's `Pipe` is open in every child that happens to be started by another thread at the same
/// time; then its other end does not hear when the child that it was meant for has ended. These are a
/// pair of sockets, which are closed to other children from the first moment on.
public struct PrivatePipe: Sendable {
  public let reading: FileHandle
  public let writing: FileHandle

  /// Throws `.notStarted` where the process may open no more files.
  public init() throws(SupervisionError) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw SupervisionError(
        .notStarted, "no pipe could be made: \(String(cString: strerror(errno)))",
        remedy: "Allow more open files (ulimit -n)")
    }
    reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
    writing = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
  }
}
