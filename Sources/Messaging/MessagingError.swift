/// What went wrong in the messaging room: a code to branch on, the cause, and what can be done.
public struct MessagingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable {
    /// The text is no address, or the address cannot be used in this way.
    case invalidAddress
    /// A socket option lies outside its range.
    case invalidOption
    /// The address is reachable from other machines and nobody allowed that.
    case notLoopback
    /// The text or bytes are no key, or a key file cannot be used.
    case invalidKey
    /// Somebody else listens there already.
    case addressInUse
    /// The address does not belong to this machine, or this process may not use it.
    case addressUnavailable
    /// The message exceeds the socket's `maxMessageBytes`.
    case tooLarge
    /// The outbox is full: the peer takes messages more slowly than they are sent.
    case congested
    /// No peer of that identity is connected to the router.
    case unreachable
    /// The socket, the reactor or the context has been closed.
    case closed
    /// The operating system or ZeroMQ refused something: out of descriptors, threads or memory.
    case system
  }

  /// The kind of failure.
  public let code: Code
  /// The cause, concretely.
  public let message: String
  /// What the user can do; may be empty.
  public let remedy: String

  /// Makes an error from its parts.
  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  /// The message, followed by the remedy if there is one.
  public var description: String {
    remedy.isEmpty ? "\(message)." : "\(message). \(remedy)."
  }
}
