/// The answer to `POST /v1/completions`, chunk by chunk.

internal import Foundation
internal import NIOCore
internal import Requests
internal import Wire

/// Writes the chunks of a text completion.
struct TextCompletionStream: AnswerStreamFormat {
  private struct Choice: Encodable {
    let index: Int
    let text: String
    var logprobs: CompletionLogProbabilities?
    var finishReason: String?
    var regions: [FoundRegion]?

    enum CodingKeys: String, CodingKey {
      case index, text, logprobs, regions
      case finishReason = "finish_reason"
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(index, forKey: .index)
      try container.encode(text, forKey: .text)
      try container.encodeIfPresent(logprobs, forKey: .logprobs)
      try container.encodeIfPresent(regions, forKey: .regions)
      try container.encode(finishReason, forKey: .finishReason)
    }
  }

  private struct Chunk: Encodable {
    let id: String
    let object = "text_completion"
    let created: Int
    let model: String
    let choices: [Choice]
    var usage: Usage?

    enum CodingKeys: String, CodingKey { case id, object, created, model, choices, usage }
  }

  private let head: AnswerHead
  private let echoes: [String]
  private var offsets: [Int]
  private let textBegin: [ByteBuffer]
  private let textEnd = ByteBuffer(string: ",\"finish_reason\":null}]}\n\n")

  /// - Parameter echoes: what each answer begins with.
  init(_ head: AnswerHead, echoes: [String]) {
    self.head = head
    self.echoes = echoes
    offsets = [Int](repeating: 0, count: echoes.count)
    textBegin = echoes.indices.map { index in
      var buffer = ByteBuffer(string: "data: {\"id\":\"\(head.id)\",")
      buffer.writeString("\"object\":\"text_completion\",\"created\":\(head.created),")
      buffer.writeString("\"model\":")
      buffer.writeJSONString(head.model)
      buffer.writeString(",\"choices\":[{\"index\":\(index),\"text\":")
      return buffer
    }
  }

  mutating func begin(choice: Int, to buffer: inout ByteBuffer) throws {
    if !echoes[choice].isEmpty { try text(echoes[choice], nil, choice: choice, to: &buffer) }
  }

  mutating func text(
    _ text: String, _ tokens: [AnswerToken]?, choice: Int, to buffer: inout ByteBuffer
  ) throws {
    if let tokens {
      let told = CompletionLogProbabilities(tokens, offset: &offsets[choice])
      try write([Choice(index: choice, text: text, logprobs: told)], to: &buffer)
    } else if !text.isEmpty {
      buffer.writeImmutableBuffer(textBegin[choice])
      buffer.writeJSONString(text)
      buffer.writeImmutableBuffer(textEnd)
    }
  }

  func end(_ answer: Answer, choice: Int, to buffer: inout ByteBuffer) throws {
    try write(
      [
        Choice(
          index: choice, text: "", finishReason: answer.finishReason.apiName,
          regions: answer.regions.map { FoundRegion($0) })
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
