/// What a model family puts around the turns of a conversation, as data.

/// Text and control tokens, none of which comes from a user.
public struct ConversationTemplate: Sendable, Equatable {
  public let name: String
  /// Before everything.
  public let opening: [PromptPiece]
  /// Before and after the system text, if there is one.
  public let beforeSystem: [PromptPiece]
  public let afterSystem: [PromptPiece]
  /// Whether the system text stands in the first user's turn and not before it.
  public let hasSystemInTurn: Bool
  /// Before a user's images and question.
  public let beforeQuestion: [PromptPiece]
  /// After each image.
  public let afterImage: String
  /// After a question; the model goes on from here.
  public let afterQuestion: [PromptPiece]
  /// Before an answer of an earlier turn.
  public let beforeAnswer: [PromptPiece]
  /// After an answer, its end included.
  public let afterAnswer: [PromptPiece]

  public init(
    name: String, opening: [PromptPiece] = [], beforeSystem: [PromptPiece] = [],
    afterSystem: [PromptPiece], hasSystemInTurn: Bool = false, beforeQuestion: [PromptPiece] = [],
    afterImage: String = "\n", afterQuestion: [PromptPiece], beforeAnswer: [PromptPiece] = [],
    afterAnswer: [PromptPiece]
  ) {
    self.name = name
    self.opening = opening
    self.beforeSystem = beforeSystem
    self.afterSystem = afterSystem
    self.hasSystemInTurn = hasSystemInTurn
    self.beforeQuestion = beforeQuestion
    self.afterImage = afterImage
    self.afterQuestion = afterQuestion
    self.beforeAnswer = beforeAnswer
    self.afterAnswer = afterAnswer
  }

  public static let all: [ConversationTemplate] = [.vicuna, .llama2, .llama3, .chatML, .plain]

  /// The template of this name.
  /// - Throws: ``ReferringError`` `unknownName`.
  public static func named(_ name: String) throws(ReferringError) -> ConversationTemplate {
    guard let template = all.first(where: { $0.name == name }) else {
      throw ReferringError(
        .unknownName, "there is no conversation template \"\(name.prefix(40))\"",
        remedy: "Use one of \(names)")
    }
    return template
  }

  /// All names, for messages.
  static var names: String { all.map(\.name).joined(separator: ", ") }
}
