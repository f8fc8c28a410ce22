/// `chatspot ask`: one question about places in an image.

import ArgumentParser
import Coordinator
import Foundation
import Messaging
import Supervision
import Wire

struct Ask: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Asks one question about places in an image.",
    discussion: """
      Regions are in pixels of the image as it is shown, or in [0,1] with --normalized. "<region>" \
      in the question marks where a region stands, in the order of the options; without a mark the \
      regions follow the question. Corners of a box may come in any order.

        chatspot ask photo.jpg "What is in this region?" --box 10,20,110,140
        chatspot ask photo.jpg "Is <region> left of <region>?" --point 4,6 --point 20,8

      Without --coordinator it starts a cluster of its own and ends it afterwards.
      """)

  @Argument(help: "A JPEG, PNG or WebP file.")
  var image: String

  @Argument(help: "The question.")
  var question: String

  @OptionGroup(title: "Regions") var regions: RegionOptions
  @OptionGroup(title: "Answer") var answer: AnswerOptions

  @Option(help: "Ask the cluster of this coordinator, such as tcp://10.0.0.1:\(defaultPort).")
  var coordinator: Address?

  @Option(help: "Decoder workers of the cluster that is started without --coordinator.")
  var workers = 2

  @OptionGroup var model: ModelOption
  @OptionGroup var cluster: CoordinatorOptions
  @OptionGroup var threads: SharedThreadOptions
  @OptionGroup var visionWeights: VisionWeightsOption

  @OptionGroup var security: SecurityOptions

  @Option(help: "How much a cluster of its own logs to standard error.")
  var clusterLogLevel = "error"

  func validate() throws {
    guard (1...64).contains(workers) else { throw ValidationError("--workers takes 1 to 64.") }
    _ = try regions.parsed()
    try answer.check()
  }

  func run() async throws {
    let query = try message()
    let outcome = Task { try await ask(query) }
    let interruption = Task {
      await Termination.requested()
      outcome.cancel()
    }
    defer { interruption.cancel() }
    do {
      let (answer, address) = try await outcome.value
      try self.answer.print(answer, coordinator: address)
    } catch is CancellationError {
      throw ExitCode(130)
    }
  }

  private func message() throws -> ReferringQueryMessage {
    guard !question.allSatisfy(\.isWhitespace) else {
      throw CommandError("the question is empty", remedy: "Write what you want to know")
    }
    let url = URL(filePath: image)
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw CommandError("there is no file \(image)")
    }
    guard !isDirectory.boolValue else { throw CommandError("\(image) is a directory") }
    guard let file = try? Data(contentsOf: url) else {
      throw CommandError("\(image) cannot be read")
    }
    guard !file.isEmpty else { throw CommandError("\(image) is empty") }
    let turn = WireTurn(
      speaker: .user, text: question, regions: try regions.parsed(), images: [0])
    return ReferringQueryMessage(
      query: 1, images: [Array(file)], system: answer.system ?? "", turns: [turn],
      sampling: answer.sampling, newTokensMax: answer.maxTokens ?? 0)
  }

  private func ask(_ query: ReferringQueryMessage) async throws -> (Answer, String) {
    if let coordinator {
      try security.check(coordinator)
      let keys = try security.file(for: .client)
      return (try await answer.receive(query, from: coordinator, keys: keys), "\(coordinator)")
    }
    try verifyCheckpoint(try model.checkpoint())
    var settings = LocalClusterSettings(
      executable: EmbeddedModel.executable, model: try model.location())
    settings.encoder = model.encoder
    settings.workers = workers
    settings.threads = threads.count
    settings.coordinatorArguments = cluster.arguments + ["--no-http"]
    settings.visionArguments = visionWeights.arguments
    settings.logLevel = clusterLogLevel
    let cluster = LocalCluster(settings)
    do {
      let address = try await cluster.start()
      let answer = try await withThrowingTaskGroup(of: Answer?.self) { group in
        group.addTask { try await self.answer.receive(query, from: try Address(address)) }
        group.addTask {
          if let failure = await cluster.failure() { throw failure }
          return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      await cluster.stop()
      guard let answer else { throw CancellationError() }
      return (answer, address)
    } catch {
      await cluster.stop()
      throw error
    }
  }
}
