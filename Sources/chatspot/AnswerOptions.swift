/// How an answer is made and shown.

import ArgumentParser
import Coordinator
import Foundation
import Messaging
import Wire

struct AnswerOptions: ParsableArguments {
  @Option(help: "The most tokens that the answer may take.")
  var maxTokens: Int?

  @Option(help: "0 always takes the likeliest token; higher is more varied.")
  var temperature: Float = 0

  @Option(help: "Draw only from the likeliest tokens that reach this probability together.")
  var topP: Float = 1

  @Option(help: "Draw only from this many of the likeliest tokens; 0 is all.")
  var topK = 0

  @Option(
    help: "Names the random numbers: the same seed gives the same answer. Default: a new one.")
  var seed: UInt64?

  @Option(help: "Text that stands before the conversation.")
  var system: String?

  @Flag(help: "Print one JSON object instead of the text.")
  var json = false

  @Flag(help: "Say on standard error which process did what in how long.")
  var report = false

  var sampling: WireSampling {
    WireSampling(
      temperature: temperature, topP: topP, topK: topK,
      seed: seed ?? (temperature > 0 ? UInt64.random(in: .min ... .max) : 0))
  }

  func check() throws {
    if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be positive.") }
    guard temperature >= 0, temperature <= 100 else {
      throw ValidationError("--temperature takes 0 to 100.")
    }
    guard topP > 0, topP <= 1 else { throw ValidationError("--top-p takes more than 0, up to 1.") }
    guard topK >= 0 else { throw ValidationError("--top-k takes 0 or more.") }
  }

  /// Asks a coordinator; text is printed as it arrives, unless JSON is wanted.
  func receive(
    _ query: ReferringQueryMessage, from address: Address, keys: KeyFile? = nil
  ) async throws -> Answer {
    let client = try QueryClient(coordinator: address, keys: keys)
    do {
      try await client.connect()
      for try await event in try await client.ask(query) {
        switch event {
        case .text(let text, _): if !json { FileHandle.standardOutput.write(Data(text.utf8)) }
        case .answer(let answer):
          await client.close()
          return answer
        }
      }
      try Task.checkCancellation()
      throw CommandError("the coordinator ended the query without an answer")
    } catch {
      await client.close()
      throw error
    }
  }

  func print(_ answer: Answer, coordinator: String) throws {
    let printed = AnswerReport(answer, coordinator: coordinator)
    if json {
      FileHandle.standardOutput.write(try printed.json() + Data("\n".utf8))
    } else {
      FileHandle.standardOutput.write(Data("\n".utf8))
    }
    if report { FileHandle.standardError.write(Data((printed.table() + "\n").utf8)) }
  }
}
