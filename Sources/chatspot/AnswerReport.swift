/// An answer as JSON and as a table.

import Foundation
import Wire

/// What `ask` tells of an answer.
struct AnswerReport: Encodable {
  struct FoundRegion: Encodable {
    let text: String
    let image: Int
    let box: [Double]?
    let point: [Double]?
    let polygon: [Double]?
  }

  struct Tokens: Encodable {
    let prompt: Int
    let image: Int
    let answer: Int
  }

  struct Seconds: Encodable {
    let image: Double
    let firstToken: Double
    let perToken: Double
    let total: Double
  }

  struct ProcessEntry: Encodable {
    let name: String
    let processID: UInt64
    let work: String
    let layers: [Int]?
    let completed: Int
    let busySeconds: Double
  }

  let answer: String
  let finishReason: String
  let regions: [FoundRegion]
  let tokens: Tokens
  let seconds: Seconds
  let pipeline: [ProcessEntry]
  let coordinator: String

  init(_ answer: Answer, coordinator: String) {
    self.answer = answer.text
    self.coordinator = coordinator
    finishReason = "\(answer.finishReason)"
    regions = answer.regions.map { found in
      let (kind, numbers) = (found.region.kind, found.region.coordinates)
      return FoundRegion(
        text: found.text, image: found.region.image, box: kind == .box ? numbers : nil,
        point: kind == .point ? numbers : nil, polygon: kind == .polygon ? numbers : nil)
    }
    tokens = Tokens(
      prompt: answer.promptTokens, image: answer.imageTokens, answer: answer.newTokens)
    let following = Double(max(1, answer.newTokens - 1))
    seconds = Seconds(
      image: answer.imageSeconds, firstToken: answer.firstTokenSeconds,
      perToken: (answer.totalSeconds - answer.firstTokenSeconds) / following,
      total: answer.totalSeconds)
    pipeline = answer.processes.map { process in
      let layers = process.firstLayer..<process.firstLayer + process.layerCount
      return ProcessEntry(
        name: process.name, processID: process.processID, work: process.work,
        layers: layers.isEmpty ? nil : Array(layers), completed: process.completed,
        busySeconds: process.busySeconds)
    }
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  /// Which process did what in how long.
  func table() -> String {
    func milliseconds(_ seconds: Double) -> String {
      String(format: "%9.2f ms", seconds * 1000)
    }
    var lines = pipeline.map { process in
      let name = process.name.padding(toLength: 14, withPad: " ", startingAt: 0)
      let pid = "pid \(process.processID)".padding(toLength: 12, withPad: " ", startingAt: 0)
      let work = process.work.padding(toLength: 22, withPad: " ", startingAt: 0)
      return "  \(name) \(pid) \(work) \(process.completed) × \(milliseconds(process.busySeconds))"
    }
    lines.append(
      "  prompt \(tokens.prompt) tokens (\(tokens.image) of the image), answer \(tokens.answer); "
        + "image\(milliseconds(seconds.image)), first token\(milliseconds(seconds.firstToken)), "
        + "then\(milliseconds(seconds.perToken)) each")
    return lines.joined(separator: "\n")
  }
}
