/// What turns the answers to a request into its response, also in another process.

internal import Foundation
internal import Requests
internal import Wire

/// The head of a response and how its answers belong together; it is journalled with the queries.
struct CompletionRecord: Codable, Sendable, Equatable {
  enum Kind: String, Codable, Sendable {
    case chat = "chat.completion"
    case text = "text_completion"
  }

  let kind: Kind
  let head: AnswerHead
  /// What each answer begins with; none for a chat.
  var echoes: [String] = []
  /// Answers of each prompt.
  let perPrompt: Int

  /// The whole response.
  /// - Parameter tokens: of each answer, if log-probabilities were asked for.
  func response(_ answers: [Answer], tokens: [[AnswerToken]]?) throws -> Data {
    switch kind {
    case .chat:
      try JSONEncoder.api.encode(ChatCompletion(head, answers: answers, tokens: tokens))
    case .text:
      try JSONEncoder.api.encode(
        TextCompletion(
          head, answers: answers, tokens: tokens, echoes: echoes, perPrompt: perPrompt))
    }
  }

  /// What stands for the response until it is there.
  func inProgress() throws -> Data {
    try JSONEncoder.api.encode(
      CompletionInProgress(
        id: head.id, object: kind.rawValue, created: head.created, model: head.model))
  }
}

/// A completion whose answers are being made.
struct CompletionInProgress: Encodable, Sendable {
  let id: String
  let object: String
  let created: Int
  let model: String
  let status = "in_progress"
  let choices: [String] = []

  enum CodingKeys: String, CodingKey { case id, object, created, model, status, choices }
}
