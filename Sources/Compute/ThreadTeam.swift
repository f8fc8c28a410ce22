/// The threads that compute together.

internal import CKernels

/// A team of threads that shares out one job at a time. The thread that has a job is one of them;
/// the others wait for it, awake for a moment and then asleep.
///
///     caller    ──share──▶ chunk chunk chunk ─────────────▶ goes on
///     thread 1     ╌╌╌╌╌╌▶ chunk chunk chunk (takes from others when its part is done) ╌╌▶ waits
///
/// The indices of a job are cut into chunks of `grain`, and every thread has a part of them that
/// lies together and stays the same from job to job, so that its caches keep what it works on.
/// A thread that wakes too late is not waited for.
public final class ThreadTeam: Sendable {
  /// Threads that compute, the caller included.
  public let threads: Int
  /// The CPUs that the threads are bound to, if they are.
  public let processors: [Int]
  private let state: TeamState?

  /// No threads but the caller.
  public static let single = ThreadTeam()

  /// Most threads of a team; OpenBLAS has room for no more callers at once.
  public static let threadsMax = 128

  private init() {
    threads = 1
    processors = []
    state = nil
  }

  /// Starts `threads - 1` threads, bound to `processors` in turn if any are named; the first is the
  /// caller's own, see `bindCaller`. The threads are called `name-1` and so on, in 15 bytes.
  ///
  /// Throws `.noThread` when a processor does not exist or the system has no more threads.
  public init(
    threads: Int, processors: [Int] = [], name: String = "team"
  ) throws(ComputeError) {
    precondition((1...Self.threadsMax).contains(threads))
    let available = Processors.available
    if let missing = processors.first(where: { !available.contains($0) }) {
      throw ComputeError(
        .noThread, "there is no CPU \(missing) for this process",
        remedy: "It may run on \(available.map(String.init).joined(separator: ", "))")
    }
    self.threads = threads
    self.processors = processors
    let usable = processors.isEmpty ? available.count : Set(processors).count
    guard threads > 1 else {
      state = nil
      return
    }
    let state = TeamState(threads: threads, mayWatch: threads <= usable)
    for number in 1..<threads {
      let processor = processors.isEmpty ? nil : processors[number % processors.count]
      do throws(ComputeError) {
        try state.start(number, called: "\(name)-\(number)", processor: processor)
      } catch {
        state.stop()
        throw error
      }
    }
    self.state = state
  }

  deinit { state?.stop() }

  /// Binds the calling thread to the first of the team's processors, if it has any. To be called
  /// once on the thread that shares out the jobs. Where a processor has been taken away since the
  /// team was made, the thread stays free.
  public func bindCaller() {
    if let first = processors.first { _ = ck_thread_bind(Int32(first)) }
  }

  /// Calls `body` for ranges that hold every index of `0..<count` exactly once, on several threads
  /// at a time, and returns when all is done.
  ///
  /// `body` gets `context`, a range and the number of the thread, in `0..<threads`, for scratch
  /// memory; ranges begin at multiples of `grain`. It must not depend on how indices are grouped,
  /// and what it writes for one index nobody else may touch. It should capture nothing: what it
  /// needs is in `context`, so that a job allocates no memory.
  ///
  /// While the team has a job, further ones, from inside or from another thread, run on their
  /// caller alone, as thread 0.
  public func share<Context>(
    _ count: Int, grain: Int = 1, with context: Context,
    _ body: @escaping (_ context: Context, _ range: Range<Int>, _ thread: Int) -> Void
  ) {
    precondition(count >= 0 && grain > 0)
    guard count > 0 else { return }
    guard let state, count > grain, state.claim() else {
      body(context, 0..<count, 0)
      return
    }
    defer { state.release() }
    withUnsafePointer(to: TeamJob(context: context, body: body)) { job in
      state.run(TeamJob<Context>.self, job, count: count, grain: grain)
    }
  }
}
