/// What the wire refuses: a message that came in or that was to go out, and why. The only error
/// that this module throws.
public struct WireFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of refusal.
  public enum Code: String, Sendable, CaseIterable {
    /// A size or a count is over its limit.
    case tooLarge
    /// The bytes are no protobuf message of this protocol, or carry none that is known.
    case malformed
    /// A field breaks a rule of the protocol or of the plan.
    case invalid
    /// Unpacking asks for more memory than a message of this size may.
    case overBudget
  }

  /// The kind of refusal.
  public var code: Code
  /// The cause: message type, field and value.
  public var message: String
  /// What can be done about it; may be empty.
  public var remedy: String

  /// A refusal with its cause and what to do.
  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  /// The message, followed by the remedy where there is one.
  public var description: String { remedy.isEmpty ? "\(message)." : "\(message). \(remedy)." }
}
