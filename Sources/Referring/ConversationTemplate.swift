/// What a model family puts around the turns of a conversation, as data.
public struct ConversationTemplate: Sendable, Equatable {
  public let name: String
  /// Control tokens before everything.
  public let opening: [String]
  /// Between the system text and the first turn.
  public let afterSystem: String
  /// Before a user's images and question.
  public let beforeQuestion: String
  /// After each image.
  public let afterImage: String
  /// After a question; the model goes on from here.
  public let afterQuestion: String
  /// Before an answer of an earlier turn.
  public let beforeAnswer: String
  /// Text after an answer.
  public let afterAnswer: String
  /// The control token that ends an answer, after `afterAnswer`.
  public let endOfAnswer: String?

  public init(
    name: String, opening: [String], afterSystem: String, beforeQuestion: String,
    afterImage: String, afterQuestion: String, beforeAnswer: String, afterAnswer: String,
    endOfAnswer: String?
  ) {
    self.name = name
    self.opening = opening
    self.afterSystem = afterSystem
    self.beforeQuestion = beforeQuestion
    self.afterImage = afterImage
    self.afterQuestion = afterQuestion
    self.beforeAnswer = beforeAnswer
    self.afterAnswer = afterAnswer
    self.endOfAnswer = endOfAnswer
  }

  /// Vicuna v1.1, as LLaVA 1.5 and the embedded model were trained:
  /// `<s>USER: <image>\nquestion ASSISTANT: answer</s>USER: question ASSISTANT:`.
  public static let vicuna = ConversationTemplate(
    name: "vicuna-v1.1", opening: ["<s>"], afterSystem: " ", beforeQuestion: "USER: ",
    afterImage: "\n", afterQuestion: " ASSISTANT:", beforeAnswer: " ", afterAnswer: "",
    endOfAnswer: "</s>")

  /// No roles: turns are lines.
  public static let plain = ConversationTemplate(
    name: "plain", opening: ["<s>"], afterSystem: "\n", beforeQuestion: "", afterImage: "\n",
    afterQuestion: "\n", beforeAnswer: "", afterAnswer: "\n", endOfAnswer: nil)

  public static let all: [ConversationTemplate] = [.vicuna, .plain]

  /// The template of this name.
  /// - Throws: ``ReferringError`` `unknownName`.
  public static func named(_ name: String) throws(ReferringError) -> ConversationTemplate {
    guard let template = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw ReferringError(
        .unknownName, "there is no conversation template \"\(name.prefix(40))\"",
        remedy: "Use one of \(names)")
    }
    return template
  }
}
