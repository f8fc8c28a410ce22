/// What keeps tensors from being fetched.

/// An error of the `Transfer` room.
public struct TransferError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The cache's directory or a file in it cannot be read or written; the disk is full.
    case unwritable
    /// What is needed at once is more than the cache may hold.
    case noRoom
    /// The coordinator does not describe what is asked for, or describes it wrongly.
    case refused
    /// Nobody has a tensor, or nobody has it whole.
    case unavailable
    /// Something else is to be fetched instead.
    case superseded
  }

  public let code: Code
  /// Names the cause.
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
