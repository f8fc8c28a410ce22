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
  /// Before and after each image.
  public let beforeImage: [PromptPiece]
  public let afterImage: [PromptPiece]
  /// After a question; the model goes on from here.
  public let afterQuestion: [PromptPiece]
  /// Before an answer of an earlier turn.
  public let beforeAnswer: [PromptPiece]
  /// After an answer, its end included.
  public let afterAnswer: [PromptPiece]

  public init(
    name: String, opening: [PromptPiece] = [], beforeSystem: [PromptPiece] = [],
    afterSystem: [PromptPiece], hasSystemInTurn: Bool = false, beforeQuestion: [PromptPiece] = [],
    beforeImage: [PromptPiece] = [], afterImage: [PromptPiece] = [.text("\n")],
    afterQuestion: [PromptPiece], beforeAnswer: [PromptPiece] = [], afterAnswer: [PromptPiece]
  ) {
    self.name = name
    self.opening = opening
    self.beforeSystem = beforeSystem
    self.afterSystem = afterSystem
    self.hasSystemInTurn = hasSystemInTurn
    self.beforeQuestion = beforeQuestion
    self.beforeImage = beforeImage
    self.afterImage = afterImage
    self.afterQuestion = afterQuestion
    self.beforeAnswer = beforeAnswer
    self.afterAnswer = afterAnswer
  }

  public static let all: [ConversationTemplate] = [
    .vicuna, .llava1, .merlin, .llama2, .llama3, .chatML, .plain,
  ]

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
