/// `chatspot up`: a whole cluster on this machine.

import ArgumentParser
import Foundation
import Logging
import Messaging
import Models
import Supervision

struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Runs a whole cluster on this machine: a coordinator, decoder workers, a vision node.",
    discussion: "Each is a process of its own. Ctrl-C ends them all; one that dies ends the rest.")

  @OptionGroup var model: ModelOption
  @OptionGroup var coordinator: CoordinatorOptions
  @OptionGroup(title: "HTTP gateway") var http: GatewayOptions
  @OptionGroup var threads: SharedThreadOptions
  @OptionGroup var visionWeights: VisionWeightsOption
  @OptionGroup var process: ProcessOptions
  @OptionGroup var log: LogOption

  @Option(help: "How many decoder workers.")
  var workers = 2

  @Option(help: "Where the coordinator listens; port 0 lets the system choose one.")
  var listen: Address = .loopback(port: defaultPort)

  func validate() throws {
    guard (1...64).contains(workers) else { throw ValidationError("--workers takes 1 to 64.") }
  }

  func run() async throws {
    try process.security.check(listen)
    _ = try process.security.coordinatorKeys()
    if !http.noHTTP { _ = try http.settings(isInsecure: process.security.insecure) }
    try verifyCheckpoint(try model.checkpoint())
    var settings = LocalClusterSettings(
      executable: EmbeddedModel.executable, model: try model.location())
    settings.encoder = model.encoder
    settings.workers = workers
    settings.threads = threads.count
    settings.listen = "\(listen)"
    settings.coordinatorArguments = coordinator.arguments + http.arguments
    settings.visionArguments = visionWeights.arguments
    settings.securityArguments = process.security.arguments
    settings.logLevel = log.logLevel.rawValue
    let cluster = LocalCluster(settings)
    let ending = Task { [withParent = process.withParent] in
      await Termination.requested(withParent: withParent)
      await cluster.stop()
    }
    do {
      let address = try await cluster.start(
        onGateway: { announce("http \($0)") }, onReady: { announce("ready") })
      announce("listening \(address)")
    } catch {
      await cluster.stop()
      throw error
    }
    let failure = await cluster.failure()
    if failure == nil { await ending.value }
    await cluster.stop()
    if let failure { throw failure }
  }
}
