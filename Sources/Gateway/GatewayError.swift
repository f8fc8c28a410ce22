/// Why the gateway cannot run as it was told to.

/// An error of the operator's settings; for errors of requests see ``APIError``.
public struct GatewayError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A setting is out of range, missing, or contradicts another.
    case configuration
    /// The address or port cannot be listened on.
    case notListening
    /// A file that comes with the program, or that a setting names, cannot be read.
    case file
    /// No gateway answers, or it answers with an error.
    case unreachable
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
