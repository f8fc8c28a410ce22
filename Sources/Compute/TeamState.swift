/// What the threads of a team share.

internal import CKernels
internal import Foundation

/// The team's words, its job and its threads.
///
/// `@unchecked Sendable`: the words are atomic. `job` is written by the thread that claimed the
/// team while `isOpen` is 0 and nobody is inside; the others read it only between counting
/// themselves as inside, finding `isOpen` set after that, and leaving. `handles` is touched by the
/// owner alone.
final class TeamState: @unchecked Sendable {
  private struct Job {
    var type: (any AnyTeamJob.Type)?
    var pointer: UnsafeRawPointer?
    var count = 0
    var grain = 1
    var chunks = 0
  }

  private let threads: Int
  /// How long a thread watches for the next job before it sleeps.
  private let watchNanoseconds: UInt64
  private let words: UnsafeMutablePointer<ck_word>
  private let wordCount: Int
  /// Rises with every job.
  private var generation: UnsafeMutablePointer<ck_word> { words }
  /// Whether threads may enter the job.
  private var isOpen: UnsafeMutablePointer<ck_word> { words + 1 }
  /// How many threads are inside.
  private var inside: UnsafeMutablePointer<ck_word> { words + 2 }
  /// Whether somebody shares out a job.
  private var isClaimed: UnsafeMutablePointer<ck_word> { words + 3 }
  private var isStopping: UnsafeMutablePointer<ck_word> { words + 4 }
  /// How many chunks of each thread's part are taken.
  private var taken: UnsafeMutablePointer<ck_word> { words + 5 }
  private let job: UnsafeMutablePointer<Job>
  private var handles: [ck_thread] = []

  /// `mayWatch`: there is a CPU for every thread, so that watching keeps nobody from working.
  init(threads: Int, mayWatch: Bool) {
    self.threads = threads
    watchNanoseconds = mayWatch ? 50_000 : 2_000
    wordCount = 5 + threads
    let byteCount = wordCount * MemoryLayout<ck_word>.stride
    words = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      .initializeMemory(as: ck_word.self, repeating: ck_word(), count: wordCount)
    job = .allocate(capacity: 1)
    job.initialize(to: Job())
  }

  deinit {
    words.deallocate()
    job.deinitialize(count: 1)
    job.deallocate()
  }

  // MARK: - The owner

  func start(_ number: Int, called name: String, processor: Int?) throws(ComputeError) {
    let place = Unmanaged.passRetained(TeamPlace(state: self, number: number))
    var thread = ck_thread()
    let failure = ck_thread_start(
      &thread, name, Int32(processor ?? -1),
      { Unmanaged<TeamPlace>.fromOpaque($0!).takeRetainedValue().serve() }, place.toOpaque())
    guard failure == 0 else {
      place.release()
      throw ComputeError(
        .noThread, "thread \(number + 1) cannot be started: \(String(cString: strerror(failure)))",
        remedy: "Ask for fewer threads")
    }
    handles.append(thread)
  }

  /// Ends the threads.
  func stop() {
    ck_word_store(isStopping, 1)
    _ = ck_word_add(generation, 1)
    ck_word_wake(generation)
    for handle in handles { ck_thread_join(handle) }
    handles = []
  }

  // MARK: - The caller

  /// Takes the team for a job; false if it has one.
  func claim() -> Bool { ck_word_exchange(isClaimed, 1) == 0 }

  func release() { ck_word_store(isClaimed, 0) }

  /// Runs a job of type `type` that lies at `pointer`.
  func run(
    _ type: any AnyTeamJob.Type, _ pointer: UnsafeRawPointer, count: Int, grain: Int
  ) {
    let grain = grain * ((count - 1) / grain / Self.chunksMax + 1)
    let chunks = (count - 1) / grain + 1
    job.pointee = Job(type: type, pointer: pointer, count: count, grain: grain, chunks: chunks)
    for part in 0..<threads { ck_word_store(taken + part, 0) }
    ck_word_store(isOpen, 1)
    _ = ck_word_add(generation, 1)
    ck_word_wake(generation)
    work(as: 0)
    // Nothing is left to take; whoever has not entered yet need not.
    ck_word_store(isOpen, 0)
    ck_word_await_zero(inside, watchNanoseconds)
  }

  // MARK: - The other threads

  func serve(as number: Int) {
    var seen: UInt32 = 0
    while true {
      ck_word_await_change(generation, seen, watchNanoseconds)
      seen = ck_word_load(generation)
      if ck_word_load(isStopping) != 0 { return }
      _ = ck_word_add(inside, 1)
      if ck_word_load(isOpen) != 0 { work(as: number) }
      if ck_word_add(inside, .max) == 1 { ck_word_wake(inside) }
    }
  }

  /// Takes chunks until there are none: first those of the thread's own part, then the others'.
  private func work(as number: Int) {
    let job = job.pointee
    guard let type = job.type, let pointer = job.pointer else { return }
    for step in 0..<threads {
      let part = (number + step) % threads
      let first = job.chunks * part / threads
      let count = job.chunks * (part + 1) / threads - first
      while true {
        let chunk = Int(ck_word_add(taken + part, 1))
        guard chunk < count else { break }
        let start = (first + chunk) * job.grain
        type.call(pointer, start..<min(start + job.grain, job.count), number)
      }
    }
  }

  /// Chunks of one job: few enough that counting them never overflows.
  private static let chunksMax = 1 << 20
}

/// A thread's place in the team.
private final class TeamPlace: Sendable {
  private let state: TeamState
  private let number: Int

  init(state: TeamState, number: Int) {
    self.state = state
    self.number = number
  }

  func serve() { state.serve(as: number) }
}
