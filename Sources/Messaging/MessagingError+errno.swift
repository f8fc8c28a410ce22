import CZeroMQ
import Glibc

/// Errors made from ZeroMQ's error number.
extension MessagingError {
  /// The error that ZeroMQ has just reported on this thread, while doing `action`.
  static func fromZeroMQ(_ number: Int32 = zmq_errno(), while action: String) -> MessagingError {
    switch number {
    case czmq_eterm(), ENOTSOCK:
      return MessagingError(.closed, "The messaging context was terminated while \(action)")
    case EMFILE, ENFILE:
      return MessagingError(
        .system, "No file descriptor or socket is left while \(action)",
        remedy: "Raise the limit on open files (ulimit -n) or the context's maxSockets")
    default:
      return MessagingError(.system, "\(reason(number)) while \(action)")
    }
  }

  /// The error of a failed bind.
  static func bindFailed(_ address: Address, _ number: Int32 = zmq_errno()) -> MessagingError {
    switch number {
    case EADDRINUSE:
      return .addressInUse(address)
    case EADDRNOTAVAIL, ENODEV:
      return MessagingError(
        .addressUnavailable, "\(address) does not belong to this machine",
        remedy: "Listen on one of its IP addresses, on an interface's name, or on tcp://*:port")
    case EACCES, EPERM:
      return MessagingError(
        .addressUnavailable, "This process may not listen on \(address)",
        remedy: "Choose a port above 1023 or a folder that it may write to")
    case ENOENT, ENOTDIR, EROFS, ENAMETOOLONG:
      return MessagingError(
        .addressUnavailable, "\(address) cannot be created: \(reason(number))",
        remedy: "Create the folder first, or choose another path")
    default:
      return .fromZeroMQ(number, while: "listening on \(address)")
    }
  }

  static func addressInUse(_ address: Address) -> MessagingError {
    MessagingError(
      .addressInUse, "Another socket already listens on \(address)",
      remedy: "Stop that process or choose another address")
  }

  /// The words for an error number, such as "Connection refused".
  static func reason(_ number: Int32) -> String {
    guard let words = zmq_strerror(number) else { return "error \(number)" }
    return String(cString: words)
  }
}
