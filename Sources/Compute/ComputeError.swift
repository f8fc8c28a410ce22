/// What can go wrong with memory and threads.

/// An error of the `Compute` room.
public struct ComputeError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A file cannot be opened or mapped.
    case unreadable
    /// A file cannot be written.
    case unwritable
    /// The system has no room for an allocation.
    case outOfMemory
    /// A thread cannot be started, or not where it is wanted.
    case noThread
  }

  public let code: Code
  /// Names the cause: the file, the size, the system's own words.
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
