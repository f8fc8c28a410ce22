/// What keeps a measurement from being made.

/// An error of the `Benchmark` room.
public struct BenchmarkError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The model does not fit this machine's memory.
    case tooLarge
    /// A setting is out of range.
    case configuration
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
