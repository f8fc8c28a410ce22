import Glibc
import Synchronization

/// A thread that runs the jobs of actors and serves sockets and timers in between: the executor of
/// every actor that owns a `Socket`.
///
/// Each turn runs a batch of jobs, then the timers that are due, then a batch of messages from each
/// socket; without work the thread sleeps. Jobs run in the order in which they arrive. A reactor
/// and its thread live until `shutdown()`.
public final class Reactor: SerialExecutor {
  /// The name of the reactor and its thread.
  public let name: String
  private let wakeup: Wakeup
  private let inbox = Mutex(JobInbox())
  /// The thread that is still to be joined.
  private let thread = Mutex<pthread_t?>(nil)
  /// Only the reactor's thread touches it: its own functions, and public ones that check so first.
  nonisolated(unsafe) let loop: ReactorLoop

  /// Starts a reactor. Throws `.system` if there is no thread or file descriptor left.
  public init(name: String) throws(MessagingError) {
    self.name = name
    wakeup = try Wakeup()
    loop = ReactorLoop(wakeup: wakeup)
    let handle = try ReactorThread.start(name: name) { [self] in run() }
    thread.withLock { $0 = handle }
  }

  deinit {
    thread.withLock { if let handle = $0 { _ = pthread_detach(handle) } }
  }

  /// Ends the reactor: closes its sockets (which deliver what was sent within their linger), drops
  /// its timers, runs the remaining jobs. Returns when all is done; called on the reactor's own
  /// thread it returns at once. Idempotent.
  ///
  /// A job that arrives later still runs, on a thread of its own, so that nobody waits for ever.
  public func shutdown() {
    let mustWake = inbox.withLock { inbox in
      inbox.isStopping = true
      defer { inbox.isAsleep = false }
      return inbox.isAsleep
    }
    if mustWake { wakeup.signal() }
    guard !isCurrent else { return }
    // Held while joining, so that a second caller waits for the same end.
    thread.withLock { handle in
      guard let joining = handle else { return }
      pthread_join(joining, nil)
      handle = nil
    }
  }

  // MARK: SerialExecutor

  /// Takes a job from any thread; wakes the reactor's only if it sleeps.
  public func enqueue(_ job: consuming ExecutorJob) {
    enum Need { case nothing, wake, thread }
    let job = UnownedJob(job)
    let need: Need = inbox.withLock { inbox in
      inbox.jobs.append(job)
      if !inbox.hasThread {
        inbox.hasThread = true
        return .thread
      }
      defer { inbox.isAsleep = false }
      return inbox.isAsleep ? .wake : .nothing
    }
    switch need {
    case .nothing: break
    case .wake: wakeup.signal()
    case .thread: runLateJobs()
    }
  }

  /// This reactor as the executor of an actor.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  /// Traps unless called on the reactor's thread. Swift asks this for `assumeIsolated` outside
  /// tasks.
  public func checkIsolated() {
    preconditionIsCurrent()
  }

  /// Whether the caller is on the reactor's thread.
  public func isIsolatingCurrentContext() -> Bool? {
    isCurrent
  }

  // MARK: The thread

  /// Whether the caller is on the reactor's thread.
  public var isCurrent: Bool { CurrentReactor.isCurrent(self) }

  func preconditionIsCurrent() {
    precondition(isCurrent, "this belongs on the thread of reactor \(name)")
  }

  private func run() {
    CurrentReactor.enter(self) {
      while true {
        loop.turn(on: asUnownedSerialExecutor())
        guard let timeout = prepareToSleep() else { return }
        loop.poll(timeoutMilliseconds: timeout)
        inbox.withLock { $0.isAsleep = false }
      }
    }
  }

  /// How long the thread may sleep, in milliseconds for `poll`; `nil` when it has to end.
  private func prepareToSleep() -> Int32? {
    if !loop.isStopping, inbox.withLock({ $0.isStopping }) { loop.stop() }
    let isStopping = loop.isStopping
    let timeout = loop.pollTimeoutMilliseconds()
    let hasJobs = loop.hasJobs
    let hasSockets = loop.hasSockets
    let step: (timeout: Int32?, jobs: [UnownedJob]) = inbox.withLock { inbox in
      if hasJobs { return (0, []) }
      if !inbox.jobs.isEmpty {
        defer { inbox.jobs = [] }
        return (0, inbox.jobs)
      }
      // `shutdown()` came after the look above and woke nobody, as nobody slept.
      if inbox.isStopping != isStopping { return (0, []) }
      if isStopping, !hasSockets {
        // Under the lock: a job that comes after this starts another thread.
        inbox.hasThread = false
        return (nil, [])
      }
      inbox.isAsleep = timeout != 0
      return (timeout, [])
    }
    if !step.jobs.isEmpty { loop.take(step.jobs) }
    return step.timeout
  }

  private func runLateJobs() {
    do {
      let handle = try ReactorThread.start(name: name) { [self] in run() }
      pthread_detach(handle)
    } catch {
      // No thread is left in the system; the caller's does the work.
      run()
    }
  }
}
