/// Questions about scenes that the embedded model was never trained on, with transformers' answers.

import Coordinator
import Foundation
import Messaging
import Wire

struct HeldoutCase: Decodable, Sendable {
  let image: String
  let task: String
  let question: String
  let truth: String
  let transformers: String
  let box: [Double]?
  let point: [Double]?

  static func all() throws -> [HeldoutCase] {
    let url = Program.heldout.appending(path: "cases.json")
    return try JSONDecoder().decode([HeldoutCase].self, from: Data(contentsOf: url))
  }

  /// The questions about a box or a point that have one short right answer.
  var isRegionCase: Bool {
    (box != nil || point != nil) && ["cls", "ocr", "color", "shape", "ryn"].contains(task)
  }

  func message() throws -> ReferringQueryMessage {
    let file = try Data(contentsOf: Program.heldout.appending(path: image))
    var regions: [WireRegion] = []
    if let box { regions.append(WireRegion(kind: .box, frame: .pixels, coordinates: box)) }
    if let point { regions.append(WireRegion(kind: .point, frame: .pixels, coordinates: point)) }
    let turn = WireTurn(speaker: .user, text: question, regions: regions, images: [0])
    return ReferringQueryMessage(
      query: 1, images: [Array(file)], turns: [turn], newTokensMax: 64)
  }
}

extension QueryClient {
  /// Asks and waits for the whole answer. Fails if the streamed text is not the answer's.
  func answer(_ message: ReferringQueryMessage) async throws -> Answer {
    var streamed = ""
    for try await event in try ask(message) {
      switch event {
      case .text(let text, _): streamed += text
      case .answer(let answer):
        guard streamed == answer.text else { throw StreamMismatch(streamed, answer.text) }
        return answer
      }
    }
    throw CancellationError()
  }

  /// Asks all at once; answers in the order of the messages.
  func answers(_ messages: [ReferringQueryMessage]) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
      for (index, message) in messages.enumerated() {
        group.addTask { (index, try await self.answer(message)) }
      }
      var answers: [(Int, Answer)] = []
      for try await answer in group { answers.append(answer) }
      return answers.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}

struct StreamMismatch: Error {
  let streamed: String
  let answer: String

  init(_ streamed: String, _ answer: String) { (self.streamed, self.answer) = (streamed, answer) }
}
