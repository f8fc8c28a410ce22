/// `chatspot worker`: holds decoder layers.

import ArgumentParser
import Checkpoints
import Foundation
import Messaging
import Supervision
import Worker

struct RunWorker: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Runs a decoder worker: it holds a range of decoder layers and their KV cache.",
    discussion: """
      May start before or after the coordinator; it joins as soon as both are there. Prints \
      "joined" on standard output each time that the coordinator takes it in.
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var fetching: FetchOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var process: ProcessOptions
  @OptionGroup var log: LogOption

  @Option(help: "The coordinator's address, such as tcp://10.0.0.1:\(defaultPort).")
  var coordinator: Address

  @Option(help: "A name for logs and reports. Default: the host's name and the process id.")
  var name: String?

  @Option(help: "Where to listen for the stage before this one; port 0 lets the system choose one.")
  var listen: Address = .loopback(port: 0)

  @Option(
    help: "The host under which other machines reach this one, if it is not the one in --listen.")
  var advertise: String?

  @Option(help: "Memory for weights and KV blocks, in bytes. Default: 80 % of what is free.")
  var memoryBytes: Int?

  @Option(help: "Bytes of weights multiplied a second. Default: measured at the start.")
  var speed: Int?

  func validate() throws {
    if fetching.fetch, model.model != nil {
      throw ValidationError("--fetch takes the place of --model.")
    }
    if let memoryBytes, memoryBytes < 1 {
      throw ValidationError("--memory-bytes must be positive.")
    }
    if let speed, speed < 1 { throw ValidationError("--speed must be positive.") }
  }

  func run() async throws {
    try process.security.check(coordinator)
    try process.security.check(listen)
    let name = name ?? "\(ProcessInfo.processInfo.hostName)-\(getpid())"
    let team = try threads.team("stage")
    let cache = try fetching.tensorCache()
    let member = MemberSettings(
      coordinator: coordinator, name: name, checkpoint: try cache == nil ? model.checkpoint() : nil,
      cache: cache, team: team, isInsecure: process.security.insecure,
      keys: try process.security.file(for: .worker), onJoined: { announce("joined") })
    let worker = try DecoderWorker(
      DecoderWorkerSettings(
        member: member, listen: listen, advertisedHost: advertise,
        memoryBytes: memoryBytes ?? SystemMemory.available() / 10 * 8,
        weightBytesPerSecond: speed),
      logger: log.logger(name))
    DiskFaults.beforeTheEnd { await worker.leave(after: $0) }
    let withParent = process.withParent
    let stopping = Task {
      await Termination.requested(
        withParent: withParent, drain: { await worker.drain() }, stop: { worker.stop() })
    }
    defer { stopping.cancel() }
    try await Termination.withLastWords { try await worker.run() }
  }
}
