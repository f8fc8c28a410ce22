/// Forms steps: which tokens of which sequences go down the pipeline together. Pure; no clock, no
/// I/O.

/// The coordinator's number for a sequence.
typealias SequenceID = UInt64

/// The bounds that steps keep to.
struct SchedulerLimits: Sendable {
  /// Steps in the pipeline at once; as many as stages keeps every stage busy.
  var stepsInFlight: Int
  /// Tokens of a step.
  var stepTokens: Int
  /// Spans of a step.
  var stepSpans = 1024
}

/// One step as the scheduler sees it.
struct StepPlan: Sendable, Equatable {
  struct Span: Sendable, Equatable {
    let sequence: SequenceID
    let firstPosition: Int
    let count: Int
    /// Whether a token is sampled after the span: it ends the prompt, or is a decode.
    let samples: Bool
    let blocks: [Int]
  }

  let number: UInt64
  let spans: [Span]
}

/// Sequences wait for KV blocks, are prefilled in chunks, and decode one token a step.
///
/// Decodes come first and are spread evenly over the steps that may be in flight, so that no step
/// waits for one that is full. Prefill takes what is left of a step; chunks of one prompt follow
/// each other without waiting. A sequence gets all the blocks that it can need when it is admitted,
/// in the order of arrival, and therefore never has to stop half-way.
struct Scheduler: Sendable {
  private enum Phase: Sendable {
    /// The next prompt position to compute.
    case prefilling(next: Int)
    /// A span that samples is in the pipeline.
    case awaitingToken
    /// The token at this position is known and waits for a step.
    case decoding(next: Int)
  }

  private struct Entry: Sendable {
    let promptTokens: Int
    let newTokensMax: Int
    var phase = Phase.prefilling(next: 0)
    var blocks: [Int] = []
  }

  private(set) var limits: SchedulerLimits
  private var pool: KVBlockPool
  private var entries: [SequenceID: Entry] = [:]
  /// Sequences without blocks, first come first served.
  private var waiting: [SequenceID] = []
  /// Admitted sequences in the order in which they are next served.
  private var running: [SequenceID] = []
  private var inFlight: Set<UInt64> = []
  private var lastNumber: UInt64 = 0

  init(limits: SchedulerLimits, pool: KVBlockPool) {
    precondition(limits.stepsInFlight > 0 && limits.stepTokens > 0)
    self.limits = limits
    self.pool = pool
  }

  var stepsInFlight: Int { inFlight.count }
  var freeBlocks: Int { pool.freeCount }
  var blockCount: Int { pool.blockCount }
  var runningCount: Int { running.count }
  var isIdle: Bool { entries.isEmpty && inFlight.isEmpty }

  /// Positions that one sequence can ever have.
  var sequenceTokensMax: Int { pool.blockCount * pool.blockTokens }

  /// Adds a sequence whose prompt can be computed. prompt and new tokens fit `sequenceTokensMax`.
  mutating func add(_ id: SequenceID, promptTokens: Int, newTokensMax: Int) {
    precondition(promptTokens > 0 && newTokensMax > 0 && entries[id] == nil)
    precondition(promptTokens + newTokensMax <= sequenceTokensMax)
    entries[id] = Entry(promptTokens: promptTokens, newTokensMax: newTokensMax)
    waiting.append(id)
  }

  /// Says that the token sampled last is known and the sequence goes on at `position`.
  mutating func resume(_ id: SequenceID, at position: Int) {
    guard let entry = entries[id], case .awaitingToken = entry.phase else { return }
    precondition(position < entry.promptTokens + entry.newTokensMax)
    entries[id]?.phase = .decoding(next: position)
  }

  /// Ends a sequence and frees its blocks. Steps in flight may still write to them: whatever uses
  /// the blocks next comes behind those steps at every stage.
  mutating func remove(_ id: SequenceID) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    pool.release(entry.blocks)
    waiting.removeAll { $0 == id }
    running.removeAll { $0 == id }
  }

  /// Says that a step has left the pipeline. Returns whether it was in it.
  mutating func complete(_ number: UInt64) -> Bool { inFlight.remove(number) != nil }

  /// The next step, or nil if the pipeline is full or nothing can be computed.
  mutating func nextStep() -> StepPlan? {
    guard inFlight.count < limits.stepsInFlight else { return nil }
    admit()
    var room = limits.stepTokens
    var spans = takeDecodes(&room)
    spans += takePrefill(&room, spansMax: limits.stepSpans - spans.count)
    guard !spans.isEmpty else { return nil }
    lastNumber += 1
    inFlight.insert(lastNumber)
    return StepPlan(number: lastNumber, spans: spans)
  }

  private mutating func admit() {
    while let id = waiting.first, let entry = entries[id],
      let blocks = pool.allocate(tokens: entry.promptTokens + entry.newTokensMax)
    {
      waiting.removeFirst()
      entries[id]?.blocks = blocks
      running.append(id)
    }
  }

  private mutating func takeDecodes(_ room: inout Int) -> [StepPlan.Span] {
    let decoding = running.count {
      if case .prefilling = entries[$0]!.phase { false } else { true }
    }
    let share = (decoding + limits.stepsInFlight - 1) / limits.stepsInFlight
    var spans: [StepPlan.Span] = []
    for id in running where spans.count < min(share, room, limits.stepSpans) {
      guard let entry = entries[id], case .decoding(let next) = entry.phase else { continue }
      spans.append(
        StepPlan.Span(
          sequence: id, firstPosition: next, count: 1, samples: true, blocks: entry.blocks))
      entries[id]?.phase = .awaitingToken
    }
    room -= spans.count
    // Those that were served go to the end, so that a share below all of them starves nobody.
    let served = Set(spans.map(\.sequence))
    running = running.filter { !served.contains($0) } + running.filter { served.contains($0) }
    return spans
  }

  private mutating func takePrefill(_ room: inout Int, spansMax: Int) -> [StepPlan.Span] {
    var spans: [StepPlan.Span] = []
    for id in running where room > 0 && spans.count < spansMax {
      guard let entry = entries[id], case .prefilling(let next) = entry.phase else { continue }
      let count = min(room, entry.promptTokens - next)
      let ends = next + count == entry.promptTokens
      spans.append(
        StepPlan.Span(
          sequence: id, firstPosition: next, count: count, samples: ends, blocks: entry.blocks))
      entries[id]?.phase = ends ? .awaitingToken : .prefilling(next: next + count)
      room -= count
    }
    return spans
  }
}
