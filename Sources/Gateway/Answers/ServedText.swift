/// What the gateway knows of the model.

public import Coordinator

/// The model's name, its context, and how text becomes tokens.
public struct ServedText: Sendable {
  public let name: String
  /// Token positions of prompt and answer together.
  public let contextTokens: Int
  /// The notation that the model writes regions in.
  public let notation: String
  let tokenize: @Sendable (String, Bool) -> [Int32]
  let detokenize: @Sendable ([Int32]) -> String

  public init(_ model: ServedModel) {
    self.init(
      name: model.name, contextTokens: model.contextTokens, notation: model.notationName,
      tokenize: { model.tokenize($0, addsSpecial: $1) }, detokenize: { model.detokenize($0) })
  }

  /// - Parameter tokenize: takes the text, and whether special tokens are added.
  public init(
    name: String, contextTokens: Int, notation: String,
    tokenize: @escaping @Sendable (String, Bool) -> [Int32],
    detokenize: @escaping @Sendable ([Int32]) -> String
  ) {
    self.name = name
    self.contextTokens = contextTokens
    self.notation = notation
    self.tokenize = tokenize
    self.detokenize = detokenize
  }
}
