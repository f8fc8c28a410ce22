/// How a stream of answers is written.

internal import NIOCore
internal import Wire

/// Server-sent events of one kind of completion.
protocol AnswerStreamFormat: Sendable {
  /// The chunk before a choice's first text.
  mutating func begin(choice: Int, to buffer: inout ByteBuffer) throws
  /// More text; with tokens if log-probabilities were asked for.
  mutating func text(
    _ text: String, _ tokens: [AnswerToken]?, choice: Int, to buffer: inout ByteBuffer) throws
  /// The last chunk of a choice.
  mutating func end(_ answer: Answer, choice: Int, to buffer: inout ByteBuffer) throws
  /// The chunk that counts the tokens of all choices.
  mutating func usage(_ usage: Usage, to buffer: inout ByteBuffer) throws
}
