/// The answer to `POST /v1/chat/completions`, chunk by chunk.

internal import Foundation
internal import NIOCore
internal import Requests
internal import Wire

/// Writes the chunks of a chat completion. A chunk of mere text, of which there is one a token, is
/// written without an encoder.
struct ChatCompletionStream: AnswerStreamFormat {
  private struct Delta: Encodable {
    var role: String?
    var content: String?
    var regions: [FoundRegion]?
  }

  private struct Choice: Encodable {
    let index: Int
    let delta: Delta
    var logprobs: ChatLogProbabilities?
    var finishReason: String?

    enum CodingKeys: String, CodingKey {
      case index, delta, logprobs
      case finishReason = "finish_reason"
    }

    /// OpenAI's clients expect a reason in every chunk, null until the last.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(index, forKey: .index)
      try container.encode(delta, forKey: .delta)
      try container.encodeIfPresent(logprobs, forKey: .logprobs)
      try container.encode(finishReason, forKey: .finishReason)
    }
  }

  private struct Chunk: Encodable {
    let id: String
    let object = "chat.completion.chunk"
    let created: Int
    let model: String
    let choices: [Choice]
    var usage: Usage?

    enum CodingKeys: String, CodingKey { case id, object, created, model, choices, usage }
  }

  private let head: AnswerHead
  private let textBegin: [ByteBuffer]
  private let textEnd = ByteBuffer(string: "},\"finish_reason\":null}]}\n\n")

  init(_ head: AnswerHead, choices: Int) {
    self.head = head
    textBegin = (0..<choices).map { index in
      var buffer = ByteBuffer(string: "data: {\"id\":\"\(head.id)\",")
      buffer.writeString("\"object\":\"chat.completion.chunk\",\"created\":\(head.created),")
      buffer.writeString("\"model\":")
      buffer.writeJSONString(head.model)
      buffer.writeString(",\"choices\":[{\"index\":\(index),\"delta\":{\"content\":")
      return buffer
    }
  }

  func begin(choice: Int, to buffer: inout ByteBuffer) throws {
    try write(
      [Choice(index: choice, delta: Delta(role: "assistant", content: ""))], to: &buffer)
  }

  mutating func text(
    _ text: String, _ tokens: [AnswerToken]?, choice: Int, to buffer: inout ByteBuffer
  ) throws {
    if let tokens {
      try write(
        [
          Choice(
            index: choice, delta: Delta(content: text), logprobs: ChatLogProbabilities(tokens))
        ], to: &buffer)
    } else if !text.isEmpty {
      buffer.writeImmutableBuffer(textBegin[choice])
      buffer.writeJSONString(text)
      buffer.writeImmutableBuffer(textEnd)
    }
  }

  func end(_ answer: Answer, choice: Int, to buffer: inout ByteBuffer) throws {
    let regions = answer.regions.map { FoundRegion($0) }
    try write(
      [
        Choice(
          index: choice, delta: Delta(regions: regions),
          finishReason: answer.finishReason.apiName)
      ], to: &buffer)
  }

  func usage(_ usage: Usage, to buffer: inout ByteBuffer) throws {
    try write([], usage: usage, to: &buffer)
  }

  private func write(
    _ choices: [Choice], usage: Usage? = nil, to buffer: inout ByteBuffer
  ) throws {
    let chunk = Chunk(
      id: head.id, created: head.created, model: head.model, choices: choices, usage: usage)
    ServerSentEvents.write(try JSONEncoder.api.encode(chunk), to: &buffer)
  }
}
