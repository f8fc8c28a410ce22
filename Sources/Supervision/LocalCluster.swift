/// A whole cluster on this machine: a coordinator, decoder workers and a vision node as child
/// processes.

public import Foundation

/// What a local cluster consists of.
public struct LocalClusterSettings: Sendable {
  /// The `chatspot` executable.
  public var executable: URL
  /// The checkpoint: a directory or a GGUF file.
  public var model: URL
  /// The file of a GGUF model's vision encoder, where it is not found beside the model.
  public var encoder: URL?
  public var workers = 2
  /// Threads that compute: decoder workers share them out, at least one each; the vision node,
  /// which works while they wait, has as many.
  public var threads = ProcessInfo.processInfo.activeProcessorCount
  /// Where the coordinator listens, such as "tcp://127.0.0.1:5710"; port 0 leaves it to the system.
  public var listen = "tcp://127.0.0.1:0"
  /// Further arguments of `chatspot coordinator`.
  public var coordinatorArguments: [String] = []
  /// Further arguments of every `chatspot worker`.
  public var workerArguments: [String] = []
  /// Further arguments of the vision node.
  public var visionArguments: [String] = []
  /// Arguments of every process that say which keys it has, if any.
  public var securityArguments: [String] = []
  /// The log level of all processes.
  public var logLevel = "info"

  public init(executable: URL, model: URL) {
    self.executable = executable
    self.model = model
  }
}

/// Starts, watches and ends the processes. One that ends on its own ends the cluster.
public actor LocalCluster {
  private let settings: LocalClusterSettings
  private var children: [ChildProcess] = []
  private var failures: AsyncStream<SupervisionError>.Continuation
  private let failureStream: AsyncStream<SupervisionError>
  private var isStopping = false

  public init(_ settings: LocalClusterSettings) {
    self.settings = settings
    (failureStream, failures) = AsyncStream.makeStream()
  }

  /// Starts all processes and returns the coordinator's address. It takes queries at once and
  /// answers them when the members have joined.
  ///
  /// `onGateway` is called with the address of the HTTP gateway, if there is one, `onReady` each
  /// time a plan stands. Throws `.notStarted` or `.ended`.
  public func start(
    onGateway: @escaping @Sendable (String) -> Void = { _ in },
    onReady: @escaping @Sendable () -> Void = {}
  ) async throws(SupervisionError) -> String {
    let coordinator = try launch(
      "coordinator",
      ["coordinator", "--listen", settings.listen, "--workers", "\(settings.workers)"]
        + settings.coordinatorArguments)
    var lines = coordinator.lines.makeAsyncIterator()
    var address: String?
    while address == nil, let line = await lines.next() {
      if line.hasPrefix("http ") { onGateway(String(line.dropFirst("http ".count))) }
      if line.hasPrefix("listening ") { address = String(line.dropFirst("listening ".count)) }
    }
    guard let address else {
      throw SupervisionError(.ended, "coordinator ended: \(await coordinator.end())")
    }
    Task {
      for await line in coordinator.lines where line == "ready" { onReady() }
    }
    let nearAddress = Self.loopback(for: address)
    // They share this machine: its memory is divided, and they are equally fast.
    let memory = SystemMemory.available() / (settings.workers + 1)
    let workerThreads = max(1, settings.threads / max(1, settings.workers))
    for number in 1...max(1, settings.workers) {
      _ = try launch(
        "worker-\(number)",
        [
          "worker", "--coordinator", nearAddress, "--name", "worker-\(number)", "--memory-bytes",
          "\(memory)", "--speed", "\(Self.sharedSpeed)", "--threads", "\(workerThreads)",
        ] + settings.workerArguments)
    }
    _ = try launch(
      "vision",
      [
        "vision", "--coordinator", nearAddress, "--name", "vision", "--threads",
        "\(max(1, settings.threads))",
      ] + settings.visionArguments)
    return address
  }

  /// The first process that ended on its own; nil after `stop`.
  public func failure() async -> SupervisionError? {
    for await failure in failureStream { return failure }
    return nil
  }

  /// Names and process ids of the children that run.
  public var processes: [(name: String, processID: Int32)] {
    children.filter { !$0.hasEnded }.map { ($0.name, $0.processID) }
  }

  /// Asks the coordinator to end, which lets answers under way come to their end, and then the
  /// other processes. Ends those that have not after `grace`, and the coordinator after twice that.
  public func stop(grace: Duration = .seconds(4)) async {
    isStopping = true
    failures.finish()
    await Self.end(Array(children.prefix(1)), grace: grace * 2)
    await Self.end(Array(children.dropFirst()), grace: grace)
  }

  private static func end(_ children: [ChildProcess], grace: Duration) async {
    for child in children { child.signal(SIGTERM) }
    let killing = Task {
      try await Task.sleep(for: grace)
      for child in children { child.signal(SIGKILL) }
    }
    for child in children { _ = await child.end() }
    killing.cancel()
  }

  private func launch(
    _ name: String, _ arguments: [String]
  ) throws(SupervisionError) -> ChildProcess {
    let child = try ChildProcess(
      name: name, executable: settings.executable,
      arguments: arguments + [
        "--model", settings.model.path, "--log-level", settings.logLevel, "--with-parent",
      ] + (settings.encoder.map { ["--mmproj", $0.path] } ?? [])
        + settings.securityArguments)
    children.append(child)
    Task {
      let status = await child.end()
      noteEnd(of: name, status)
    }
    return child
  }

  private func noteEnd(of name: String, _ status: String) {
    guard !isStopping else { return }
    failures.yield(
      SupervisionError(
        .ended, "\(name) ended with \(status), which ends the cluster",
        remedy: "Its own last words are above"))
  }

  /// Where processes of this machine reach a coordinator that listens on all interfaces.
  private static func loopback(for address: String) -> String {
    for (everywhere, here) in [
      ("//0.0.0.0:", "//127.0.0.1:"), ("//*:", "//127.0.0.1:"), ("//[::]:", "//[::1]:"),
    ] {
      if let range = address.range(of: everywhere) {
        return address.replacingCharacters(in: range, with: here)
      }
    }
    return address
  }

  /// Bytes a second that all workers of one machine state.
  private static let sharedSpeed = 10_000_000_000
}
