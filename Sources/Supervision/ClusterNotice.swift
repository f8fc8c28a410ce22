/// What happens to the processes of a cluster.

/// Something that whoever runs a cluster wants to know.
public enum ClusterNotice: Sendable, Equatable, CustomStringConvertible {
  /// A process ended, "exit status 1" or "signal 9", and is started again after a while.
  case died(name: String, processID: Int32, cause: String, restartAfter: Duration)
  /// A process runs again.
  case restarted(name: String, processID: Int32)
  /// A process could not be started again; it is tried anew after a while.
  case notRestarted(name: String, cause: String, restartAfter: Duration)

  public var description: String {
    switch self {
    case .died(let name, let processID, let cause, let delay):
      "\(name) (process \(processID)) ended with \(cause); it is started again in \(delay.told)"
    case .restarted(let name, let processID):
      "\(name) runs again as process \(processID)"
    case .notRestarted(let name, let cause, let delay):
      "\(name) was not started again: \(cause); the next attempt is in \(delay.told)"
    }
  }
}

extension Duration {
  fileprivate var told: String {
    let milliseconds = self / .milliseconds(1)
    return milliseconds < 1000 ? "\(Int(milliseconds)) ms" : "\(milliseconds / 1000) s"
  }
}
