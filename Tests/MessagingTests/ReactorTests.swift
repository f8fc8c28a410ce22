import Glibc
import Messaging
import Synchronization
import Testing

/// The reactor as an executor: jobs, timers, sleep and end.
@Suite("Reactor", .timeLimit(.minutes(1)), .serialized)
struct ReactorTests {
  /// An actor on a reactor that has no socket.
  actor Counter {
    nonisolated let reactor: Reactor
    nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
    private(set) var count = 0
    private(set) var log: [String] = []
    private var timer: TimerToken?

    init(reactor: Reactor) { self.reactor = reactor }

    func increment() {
      precondition(reactor.isCurrent)
      count += 1
    }

    func note(_ text: String) { log.append(text) }

    /// Fires timers out of their order of setting and waits for the last.
    func timers() async -> [String] {
      log = []
      reactor.after(.milliseconds(12)) { [weak self] in self?.assumeIsolated { $0.note("12") } }
      reactor.after(.milliseconds(4)) { [weak self] in self?.assumeIsolated { $0.note("4") } }
      let cancelled = reactor.after(.milliseconds(6)) { [weak self] in
        self?.assumeIsolated { $0.note("never") }
      }
      reactor.after(.milliseconds(4)) { [weak self] in self?.assumeIsolated { $0.note("4 too") } }
      cancelled.cancel()
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        reactor.after(.milliseconds(16)) { done.resume() }
      }
      return log
    }

    /// A repeating timer that cancels itself at its fifth call; returns the calls and the time.
    func repeats() async -> (calls: Int, elapsed: Duration) {
      let clock = ContinuousClock()
      let start = clock.now
      count = 0
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        timer = reactor.every(.milliseconds(5)) { [weak self] in
          self?.assumeIsolated { $0.tick(last: 5, done) }
        }
      }
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        reactor.after(.milliseconds(20)) { done.resume() }
      }
      return (count, clock.now - start)
    }

    private func tick(last: Int, _ done: CheckedContinuation<Void, Never>) {
      count += 1
      guard count == last else { return }
      timer?.cancel()
      done.resume()
    }

    func shutdownFromWithin() { reactor.shutdown() }

    func makeSocketFails() -> MessagingError.Code? {
      do throws(MessagingError) {
        _ = try reactor.makeSocket(.pull)
        return nil
      } catch {
        return error.code
      }
    }
  }

  @Test("jobs from many tasks all run, on the reactor's thread")
  func manyJobs() async throws {
    let reactor = try Reactor(name: "jobs")
    defer { reactor.shutdown() }
    let counter = Counter(reactor: reactor)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<500 { await counter.increment() } }
      }
    }
    #expect(await counter.count == 4000)
    #expect(!reactor.isCurrent)
  }

  @Test("timers fire in order, and not when cancelled")
  func timers() async throws {
    let reactor = try Reactor(name: "timers")
    defer { reactor.shutdown() }
    #expect(await Counter(reactor: reactor).timers() == ["4", "4 too", "12"])
  }

  @Test("a repeating timer keeps its pace until it is cancelled")
  func repeatingTimer() async throws {
    let reactor = try Reactor(name: "repeats")
    defer { reactor.shutdown() }
    let (calls, elapsed) = await Counter(reactor: reactor).repeats()
    #expect(calls == 5)
    #expect(elapsed >= .milliseconds(45))
  }

  @Test("shutdown is idempotent, works from within, and later jobs still run")
  func shutdown() async throws {
    let reactor = try Reactor(name: "shutdown")
    let counter = Counter(reactor: reactor)
    async let jobs: Void = withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { await counter.increment() } }
    }
    await counter.shutdownFromWithin()
    reactor.shutdown()
    reactor.shutdown()
    await jobs
    await counter.increment()
    #expect(await counter.count == 51)
    #expect(await counter.makeSocketFails() == .closed)
  }

  @Test("an idle reactor with connected sockets and a blocked outbox takes no processor time")
  func idle() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let pull = Peer(reactor: bench.far)
    try await pull.open(.pull, context: bench.context)
    let push = Peer(reactor: bench.near)
    try await push.open(.push, context: bench.context)
    try await push.connect(pull.bind(bench.address()))
    try await push.send([1])
    _ = await pull.next()
    let unconnected = Peer(reactor: bench.near)
    let options = SocketOptions.test { $0.lingerMilliseconds = 500 }
    try await unconnected.open(.push, options, context: bench.context)
    try await unconnected.send([1])
    // One who closed and lingers must not spin either.
    let lingering = Peer(reactor: bench.near)
    try await lingering.open(.push, options, context: bench.context)
    try await lingering.send([1])
    await lingering.close()

    let before = await push.threadProcessorSeconds()
    try await push.wait(milliseconds: 300)
    #expect(await push.threadProcessorSeconds() - before < 0.015)
  }

  @Test("2000 small round trips between two reactors take seconds, also on a busy machine")
  func roundTrips() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let router = Peer(reactor: bench.far)
    try await router.open(.router, context: bench.context)
    await router.echo()
    let dealer = Peer(reactor: bench.near)
    try await dealer.open(.dealer, context: bench.context)
    try await dealer.connect(router.bind(bench.address()))
    let clock = ContinuousClock()
    let start = clock.now
    #expect(try await dealer.roundTrips(2000, [1, 2, 3, 4]))
    #expect(clock.now - start < .seconds(20))
  }

  @Test("a busy socket starves neither jobs nor timers")
  func fairness() async throws {
    let bench = try Bench(.inproc)
    defer { bench.end() }
    // One message in a ring of two echoing sockets on one reactor never rests.
    let router = Peer(reactor: bench.near)
    try await router.open(.router, context: bench.context)
    await router.echo()
    let dealer = Peer(reactor: bench.near)
    try await dealer.open(.dealer, context: bench.context)
    await dealer.echo()
    try await dealer.connect(router.bind(bench.address()))
    for _ in 0..<100 { try await dealer.send([1]) }
    let counter = Counter(reactor: bench.near)
    for _ in 0..<100 { await counter.increment() }
    #expect(await counter.timers().last == "12")
  }

  @Test("terminating a context closes its open sockets")
  func terminate() async throws {
    let bench = try Bench(.tcp)
    let pull = Peer(reactor: bench.near)
    try await pull.open(.pull, context: bench.context)
    let address = try await pull.bind(bench.address())
    bench.context.terminate()
    bench.context.terminate()
    let error = await #expect(throws: MessagingError.self) { try await pull.connect(address) }
    #expect(error?.code == .closed)
    let late = Peer(reactor: bench.far)
    let lateError = await #expect(throws: MessagingError.self) {
      try await late.open(.pull, context: bench.context)
    }
    #expect(lateError?.code == .closed)
    bench.end()
  }

  @Test("a bad option is named before anything is made")
  func options() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    for change in [
      { @Sendable (options: inout SocketOptions) in options.lingerMilliseconds = -1 },
      { options in options.identity = [] },
      { options in options.identity = [0, 1] },
      { options in options.maxMessageBytes = Int.max },
    ] {
      let peer = Peer(reactor: bench.near)
      let error = await #expect(throws: MessagingError.self) {
        try await peer.open(.dealer, .test(change), context: bench.context)
      }
      #expect(error?.code == .invalidOption)
    }
  }
}

extension Peer {
  /// Processor time that this reactor's thread has taken so far.
  func threadProcessorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(1), &usage)
    let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(microseconds) / 1e6
  }

  /// Lets the reactor be idle for a while.
  func wait(milliseconds: Int) async throws {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      reactor.after(.milliseconds(milliseconds)) { done.resume() }
    }
  }
}
