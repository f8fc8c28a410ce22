/// `chatspot coordinator`: plans, schedules, answers clients.

import ArgumentParser
import Coordinator
import Foundation
import Gateway
import Messaging
import Wire

struct RunCoordinator: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator",
    abstract: "Runs the coordinator of a cluster of several machines.",
    discussion: """
      Prints "http URL" on standard output when the gateway listens, "listening ADDRESS" when \
      workers, vision nodes and clients can connect, and "ready" each time that queries can be \
      answered.
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var coordinator: CoordinatorOptions
  @OptionGroup(title: "HTTP gateway") var http: GatewayOptions
  @OptionGroup var process: ProcessOptions
  @OptionGroup var log: LogOption

  @Option(help: "Where to listen; port 0 lets the system choose one.")
  var listen: Address = .loopback(port: defaultPort)

  @Option(help: "Decoder workers to wait for before layers are split.")
  var workers = 1

  func run() async throws {
    try process.security.check(listen)
    let keys = try process.security.coordinatorKeys()
    var settings = coordinator.settings
    settings.workersExpected = workers
    let logger = log.logger("coordinator")
    // Before anything is measured.
    _ = PrometheusRegistry.installed
    let model = try ServedModel(try model.checkpoint())
    let coordinator = try Coordinator(
      model: model, settings: settings, logger: logger, keys: keys, onReady: { announce("ready") })
    let address = try await coordinator.start(at: listen)
    let gateway: Gateway?
    do {
      gateway = try await http.start(
        for: coordinator, of: model, isInsecure: process.security.insecure, logger: logger)
    } catch {
      await coordinator.stop()
      throw error
    }
    announce("listening \(address)")
    await Termination.requested(withParent: process.withParent)
    await gateway?.stop()
    await coordinator.stop()
    await Termination.deliverLastWords()
  }
}

/// Options that `coordinator` and `up` share.
struct CoordinatorOptions: ParsableArguments {
  @Option(help: "How activations travel between stages.")
  var activations = ActivationFormat.f16

  @Option(
    help: """
      Decoder workers beyond --workers that get no layers while all is well, and take over from one \
      that is lost.
      """)
  var spares = 0

  @Option(
    help: ArgumentHelp(
      "After how long a silence a worker or vision node counts as lost.", valueName: "milliseconds")
  )
  var heartbeatTimeout = CoordinatorSettings().heartbeatTimeoutMilliseconds

  @Option(
    help: "KV cache positions over all queries. Default: what memory allows, up to 16 contexts.")
  var kvTokens: Int?

  @Option(help: "Most tokens that go down the pipeline in one step.")
  var stepTokens = CoordinatorSettings().stepTokens

  @Option(
    help: """
      How long a step may take through the pipeline, in milliseconds: prompts are computed in \
      chunks so that nobody's next token waits longer.
      """)
  var maxStepMs = CoordinatorSettings().stepMilliseconds

  @Option(
    help: """
      Steps that decodes are spread over, and prompts with them; at times one more is in the pipeline \
      for prompts. Default: as many as stages.
      """)
  var stepsInFlight: Int?

  @Option(help: "Queries that wait or are answered at once; more are told to come later.")
  var queries = CoordinatorSettings().queriesMax

  @Option(help: "Queries of one client that wait or are answered at once; the gateway is none.")
  var queriesPerClient = CoordinatorSettings().queriesPerClientMax

  @OptionGroup var weights: WeightsOption

  @Option(
    help: ArgumentHelp(
      "Write a trace of what every stage did when, for ui.perfetto.dev.", valueName: "file"))
  var trace: String?

  var settings: CoordinatorSettings {
    var settings = CoordinatorSettings()
    settings.activationType = activations.wireType
    settings.spares = spares
    settings.heartbeatTimeoutMilliseconds = heartbeatTimeout
    settings.heartbeatMilliseconds = min(settings.heartbeatMilliseconds, heartbeatTimeout / 4)
    settings.kvTokens = kvTokens
    settings.stepTokens = stepTokens
    settings.stepsInFlight = stepsInFlight
    settings.stepMilliseconds = maxStepMs
    settings.queriesMax = queries
    settings.queriesPerClientMax = queriesPerClient
    settings.weights = weights.weights
    settings.trace = trace
    return settings
  }

  /// The same as arguments, for a child process.
  var arguments: [String] {
    var arguments = ["--activations", activations.rawValue, "--step-tokens", "\(stepTokens)"]
    arguments += ["--max-step-ms", "\(maxStepMs)", "--queries", "\(queries)"] + weights.arguments
    arguments += ["--spares", "\(spares)", "--heartbeat-timeout", "\(heartbeatTimeout)"]
    arguments += ["--queries-per-client", "\(queriesPerClient)"]
    if let trace { arguments += ["--trace", trace] }
    if let kvTokens { arguments += ["--kv-tokens", "\(kvTokens)"] }
    if let stepsInFlight { arguments += ["--steps-in-flight", "\(stepsInFlight)"] }
    return arguments
  }
}

/// How activations travel, as it is named on the command line.
enum ActivationFormat: String, CaseIterable, ExpressibleByArgument {
  case f16
  case f32

  var wireType: WireDataType { self == .f16 ? .f16 : .f32 }
}

/// Prints a line on standard output at once, also into a pipe.
func announce(_ line: String) {
  FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
