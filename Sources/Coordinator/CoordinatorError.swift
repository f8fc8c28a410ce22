/// What can go wrong at the coordinator.

/// An error of the `Coordinator` room.
public struct CoordinatorError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The model does not fit into the workers' memory.
    case noRoom
    /// The query cannot be answered as it is.
    case invalidQuery
    /// An image cannot be read.
    case invalidImage
    /// Too much is waiting already.
    case overloaded
    /// A process that was needed is lost.
    case lost
    /// A setting is out of range or contradicts another.
    case configuration
    /// The coordinator cannot be reached, or did not answer.
    case unreachable
    /// The query's deadline has passed.
    case deadline
    /// The cluster cannot answer queries: it is not planned yet, or ends.
    case unavailable
    /// Something broke a promise.
    case `internal`
  }

  public let code: Code
  /// Names the cause.
  public let message: String
  /// What can be done about it; may be empty.
  public let remedy: String
  /// With `.overloaded`: after how many seconds another try may succeed, if anybody can say.
  public let retryAfterSeconds: Double?

  public init(
    _ code: Code, _ message: String, remedy: String = "", retryAfterSeconds: Double? = nil
  ) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.retryAfterSeconds = retryAfterSeconds
  }

  public var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
