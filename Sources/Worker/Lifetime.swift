/// How long a member's process serves.

/// Ends once: when the process is asked to, or when something makes going on impossible.
struct Lifetime: Sendable {
  private let ends: AsyncStream<WorkerError?>
  private let ended: AsyncStream<WorkerError?>.Continuation

  init() { (ends, ended) = AsyncStream.makeStream() }

  /// Ends it, with what made going on impossible if something did. Only the first call counts.
  func end(_ problem: WorkerError? = nil) {
    ended.yield(problem)
    ended.finish()
  }

  /// Waits for the end.
  func end() async -> WorkerError? {
    for await problem in ends { return problem }
    return nil
  }
}
