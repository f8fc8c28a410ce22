/// What can go wrong with child processes.

/// An error of the `Supervision` room.
public struct SupervisionError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A process could not be started.
    case notStarted
    /// A process ended that should have gone on.
    case ended
  }

  public let code: Code
  /// Names the process and the cause.
  public let message: String
  /// What can be done about it; may be empty.
  public let remedy: String

  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
