/// What can go wrong with a journal.

/// An error of the `Journal` room.
public struct JournalError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The file cannot be made, opened or read, or is no journal.
    case notOpened
    /// Something could not be written: the disk is full, or fails.
    case notWritten
  }

  public let code: Code
  /// Names the file and the cause.
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
