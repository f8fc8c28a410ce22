/// What ends a decoder worker or a vision node.

/// An error of the `Worker` room.
public struct WorkerError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The coordinator does not take this process in.
    case refused
    /// A layer, the vision encoder or the KV cache cannot be loaded.
    case loading
    /// Tensors cannot be fetched, or not be kept.
    case fetching
    /// A setting is out of range or contradicts another.
    case configuration
    /// A socket failed.
    case messaging
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
