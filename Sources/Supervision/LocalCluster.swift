/// A whole cluster on this machine: a coordinator, decoder workers and a vision node as child
/// processes.

internal import Foundation

/// Starts, watches and ends the processes. One that ends on its own is started again, or ends the
/// cluster, as the settings say.
public actor LocalCluster {
  /// One place in the cluster and the process that fills it at present.
  private struct Member {
    var arguments: [String]
    var child: ChildProcess
    var started: ContinuousClock.Instant
    var backoff = RestartBackoff()
    /// Waits for the time of the next start.
    var restart: Task<Void, Never>?
  }

  /// Whether `stop` has been called.
  public private(set) var isStopping = false

  private let settings: LocalClusterSettings
  private let onNotice: @Sendable (ClusterNotice) -> Void
  private var onReady: @Sendable () -> Void = {}
  /// Whether the first coordinator has listened; until then its end is for `start` to report.
  private var hasListened = false
  private var members: [String: Member] = [:]
  private let failures: AsyncStream<SupervisionError>.Continuation
  private let failureStream: AsyncStream<SupervisionError>

  private static let coordinator = "coordinator"

  /// - Parameter onNotice: is told of every process that dies and is started again.
  public init(
    _ settings: LocalClusterSettings,
    onNotice: @escaping @Sendable (ClusterNotice) -> Void = { _ in }
  ) {
    self.settings = settings
    self.onNotice = onNotice
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
    self.onReady = onReady
    let coordinator = try launch(
      Self.coordinator, coordinatorArguments(listen: settings.listen, gatewayPort: nil))
    var lines = coordinator.lines.makeAsyncIterator()
    var address: String?
    var gatewayPort: String?
    while address == nil, let line = await lines.next() {
      if line.hasPrefix("http ") {
        onGateway(String(line.dropFirst("http ".count)))
        gatewayPort = line.split(separator: ":").last.map(String.init)
      }
      if line.hasPrefix("listening ") { address = String(line.dropFirst("listening ".count)) }
    }
    guard let address else {
      throw SupervisionError(.ended, "coordinator ended: \(await coordinator.end())")
    }
    hasListened = true
    // Whoever comes after it listens where it listened.
    members[Self.coordinator]?.arguments = coordinatorArguments(
      listen: address, gatewayPort: gatewayPort)
    members[Self.coordinator]?.backoff.cameUp()
    watch(coordinator)
    try launchMembers(at: Self.loopback(for: address))
    return address
  }

  private func launchMembers(at address: String) throws(SupervisionError) {
    // They share this machine: its memory is divided, and they are equally fast.
    let count = max(1, settings.workers) + settings.spares
    let memory = SystemMemory.available() / (count + 1)
    let workerThreads = max(1, settings.threads / max(1, settings.workers))
    for number in 1...count where !isStopping {
      let name = "worker-\(number)"
      watch(
        try launch(
          name,
          [
            "worker", "--coordinator", address, "--name", name, "--memory-bytes", "\(memory)",
            "--speed", "\(Self.sharedSpeed)", "--threads", "\(workerThreads)",
          ] + settings.workerArguments))
    }
    guard !isStopping else { return }
    watch(
      try launch(
        "vision",
        [
          "vision", "--coordinator", address, "--name", "vision", "--threads",
          "\(max(1, settings.threads))",
        ] + settings.visionArguments))
  }

  /// The failure that ended the cluster; nil after `stop`.
  public func failure() async -> SupervisionError? {
    for await failure in failureStream { return failure }
    return nil
  }

  /// Names and process ids of the children that run.
  public var processes: [(name: String, processID: Int32)] {
    members.values.map(\.child).filter { !$0.hasEnded }.map { ($0.name, $0.processID) }
      .sorted { $0.processID < $1.processID }
  }

  /// Asks the coordinator to end, which lets answers under way come to their end, and then the
  /// other processes. Ends those that have not after `grace`, and the coordinator after twice that.
  public func stop(grace: Duration = .seconds(4)) async {
    isStopping = true
    failures.finish()
    for name in members.keys { members[name]?.restart?.cancel() }
    let children = members.values.map(\.child)
    await Self.end(children.filter { $0.name == Self.coordinator }, grace: grace * 2)
    await Self.end(children.filter { $0.name != Self.coordinator }, grace: grace)
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

  private func coordinatorArguments(listen: String, gatewayPort: String?) -> [String] {
    var arguments =
      [Self.coordinator, "--listen", listen, "--workers", "\(settings.workers)"]
      + settings.coordinatorArguments
    guard let gatewayPort else { return arguments }
    if let option = arguments.lastIndex(of: "--port"), option + 1 < arguments.count {
      arguments[option + 1] = gatewayPort
    } else {
      arguments += ["--port", gatewayPort]
    }
    return arguments
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
    if members[name] == nil {
      members[name] = Member(arguments: arguments, child: child, started: .now)
    } else {
      members[name]?.child = child
      members[name]?.started = .now
    }
    Task {
      let cause = await child.end()
      noteEnd(of: child, cause)
    }
    return child
  }

  /// Reads what a process says about itself, as long as it runs.
  private func watch(_ child: ChildProcess) {
    Task {
      for await line in child.lines {
        switch line {
        case "ready": onReady()
        case "joined": cameUp(child)
        case _ where line.hasPrefix("listening "): cameUp(child)
        default: break
        }
      }
    }
  }

  private func cameUp(_ child: ChildProcess) {
    members[child.name]?.backoff.cameUp()
  }

  private func noteEnd(of child: ChildProcess, _ cause: String) {
    let name = child.name
    guard !isStopping, hasListened, let member = members[name] else { return }
    guard settings.restarts else {
      return fail("\(name) ended with \(cause), which ends the cluster")
    }
    guard let delay = members[name]?.backoff.died(after: .now - member.started) else {
      return fail(
        "\(name) ended with \(cause), for the \(RestartBackoff.attempts)th time before it was of "
          + "any use, which ends the cluster")
    }
    onNotice(.died(name: name, processID: child.processID, cause: cause, restartAfter: delay))
    restart(name, after: delay)
  }

  private func fail(_ message: String) {
    failures.yield(
      SupervisionError(.ended, message, remedy: "Its own last words are above"))
  }

  private func restart(_ name: String, after delay: Duration) {
    members[name]?.restart = Task {
      try? await Task.sleep(for: delay)
      restart(name)
    }
  }

  private func restart(_ name: String) {
    guard !isStopping, let member = members[name] else { return }
    do throws(SupervisionError) {
      let child = try launch(name, member.arguments)
      onNotice(.restarted(name: name, processID: child.processID))
      watch(child)
    } catch {
      // Out of processes or memory: it was there before, and may be again.
      onNotice(
        .notRestarted(name: name, cause: "\(error)", restartAfter: RestartBackoff.longest))
      restart(name, after: RestartBackoff.longest)
    }
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
