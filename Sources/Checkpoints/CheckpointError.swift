/// What can be wrong with a checkpoint.

/// An error of the `Checkpoints` room.
public struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A file or directory does not exist or cannot be read.
    case unreadable
    /// A file or directory cannot be written, or stands in the way.
    case unwritable
    /// A file is not what its name says, or is cut off.
    case malformed
    /// A configuration field is missing, of the wrong type, or out of range.
    case configuration
    /// The checkpoint is of an architecture that is not served.
    case unsupported
    /// The checkpoint lacks a tensor that its architecture has.
    case missingTensor
    /// A tensor's shape is not the one that the configuration asks for.
    case wrongShape
    /// The machine has no room for the weights.
    case outOfMemory
    /// The task that did it was cancelled.
    case cancelled
  }

  public let code: Code
  /// Names the cause: file, field or tensor, and what was found there.
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
