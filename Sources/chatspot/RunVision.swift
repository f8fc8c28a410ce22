/// `chatspot vision`: turns images into image features.

import ArgumentParser
import Checkpoints
import Compute
import Foundation
import Messaging
import Worker

struct RunVision: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vision",
    abstract: "Runs a vision node: it turns images into image features.",
    discussion: """
      May start before or after the coordinator. Several of them share the images. Prints "joined" \
      on standard output each time that the coordinator takes it in.
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var process: ProcessOptions
  @OptionGroup var log: LogOption

  @Option(help: "The coordinator's address, such as tcp://10.0.0.1:\(defaultPort).")
  var coordinator: Address

  @Option(help: "A name for logs and reports. Default: the host's name and the process id.")
  var name: String?

  @Option(
    help: """
      How the encoder's matrices are held. q8_0 is quantised when it is loaded and twice as fast; \
      every patch's features keep a cosine above 0.9995 on the embedded model. Default: as stored, mapped.
      """)
  var weights: WeightFormat?

  func validate() throws {
    guard weights != .q4_0 else {
      throw ValidationError(
        "A vision encoder in q4_0 loses too much; q8_0 is its narrowest format.")
    }
  }

  func run() async throws {
    try process.security.check(coordinator)
    let name = name ?? "\(ProcessInfo.processInfo.hostName)-\(getpid())"
    let settings = MemberSettings(
      coordinator: coordinator, name: name,
      checkpoint: try model.checkpoint(),
      team: try threads.team("encode"), isInsecure: process.security.insecure,
      keys: try process.security.file(for: .vision), onJoined: { announce("joined") })
    let node = try VisionNode(settings, format: weights, logger: log.logger(name))
    DiskFaults.beforeTheEnd { await node.leave(after: $0) }
    let withParent = process.withParent
    let stopping = Task {
      await Termination.requested(
        withParent: withParent, drain: { await node.drain() }, stop: { node.stop() })
    }
    defer { stopping.cancel() }
    try await Termination.withLastWords { try await node.run() }
  }
}
