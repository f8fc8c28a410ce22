/// What can go wrong while a checkpoint's tokeniser files are loaded.

/// A failure of this module: what happened, why, and what the user can do.
public struct TokenizingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kind of failure, stable for programs.
  public enum Code: String, Sendable {
    /// `tokenizer.model` is not in the directory.
    case fileMissing
    /// A file exists and cannot be read (permissions, a directory, a device).
    case fileUnreadable
    /// A file, a list or an entry is larger than this module accepts.
    case limitExceeded
    /// `tokenizer.model` is not a SentencePiece model, or a damaged one.
    case malformedModel
    /// A JSON file does not say what Hugging Face's format says.
    case malformedFile
    /// The model is well formed, of a kind that Llama-style tokenising does not cover.
    case unsupportedModel
    /// The files contradict each other about the id of a token.
    case inconsistentVocabulary
  }

  public let code: Code
  /// The cause: file, field and value.
  public let message: String
  /// What to do about it; may be empty.
  public let remedy: String

  public init(_ code: Code, _ message: String, remedy: String = "") {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String {
    remedy.isEmpty ? "\(message)." : "\(message). \(remedy)"
  }
}
