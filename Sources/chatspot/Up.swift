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
    discussion: """
      Each is a process of its own. One that dies is started again, at once the first time and \
      after up to ten seconds when it dies again and again; the coordinator comes back at the same \
      addresses. One that never comes up ends the rest. Ctrl-C ends them all.
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var coordinator: CoordinatorOptions
  @OptionGroup(title: "HTTP gateway") var http: GatewayOptions
  @OptionGroup var threads: SharedThreadOptions
  @OptionGroup var visionWeights: VisionWeightsOption
  @OptionGroup var process: ProcessOptions
  @OptionGroup var log: LogOption

  @Option(help: "How many decoder workers.")
  var workers = 2

  @Flag(help: "End the cluster when one of its processes dies, instead of starting it again.")
  var noRestart = false

  @Option(help: "Where the coordinator listens; port 0 lets the system choose one.")
  var listen: Address = .loopback(port: defaultPort)

  func validate() throws {
    guard (1...64).contains(workers) else { throw ValidationError("--workers takes 1 to 64.") }
    guard (0...64).contains(coordinator.spares) else {
      throw ValidationError("--spares takes 0 to 64.")
    }
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
    settings.spares = coordinator.spares
    settings.restarts = !noRestart
    settings.threads = threads.count
    settings.listen = "\(listen)"
    settings.coordinatorArguments = coordinator.arguments + http.arguments
    settings.visionArguments = visionWeights.arguments
    settings.securityArguments = process.security.arguments
    settings.logLevel = log.logLevel.rawValue
    let logger = log.logger("up")
    let cluster = LocalCluster(settings) { notice in
      if case .restarted = notice { logger.info("\(notice)") } else { logger.warning("\(notice)") }
    }
    let ending = Task { [withParent = process.withParent] in
      await Termination.requested(withParent: withParent)
      await cluster.stop()
    }
    do {
      let address = try await cluster.start(
        onGateway: { announce("http \($0)") }, onReady: { announce("ready") })
      announce("listening \(address)")
    } catch {
      let wasAskedToEnd = await cluster.isStopping
      await cluster.stop()
      if wasAskedToEnd { return }
      throw error
    }
    let failure = await cluster.failure()
    if failure == nil { await ending.value }
    await cluster.stop()
    if let failure { throw failure }
  }
}
