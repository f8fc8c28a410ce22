/// Forms steps: which tokens of which sequences go down the pipeline together. Pure: it is told the
/// time, and does no I/O.

/// The coordinator's number for a sequence: rising, in the order of arrival.
typealias SequenceID = UInt64

/// The bounds that steps keep to.
struct SchedulerLimits: Sendable {
  /// Steps that decodes are spread over; as many as stages keeps every stage busy.
  var stepsInFlight: Int
  /// Stages of the pipeline.
  var stages = 1
  /// Tokens of a step.
  var stepTokens: Int
  /// Spans of a step.
  var stepSpans = 1024
  /// How long a step should take at most through the pipeline, in seconds.
  var stepSeconds = Double.infinity
  /// How long a step of one token is said to take at the slowest stage.
  var predictedSeconds = 0.001
}

/// Sequences wait for their images and for KV blocks, are prefilled in chunks, and decode one token
/// a step.
///
/// Decodes come first and are spread evenly over the steps that may be in flight, so that no step
/// waits for one that is full. Prefill takes what the step's time allows; chunks of one prompt
/// follow each other without waiting. When KV blocks run out, the sequence that came last gives its
/// own back and is computed again later, from the tokens that are known by then.
///
/// Full blocks are shared by content as soon as the step that fills them is formed: stages compute
/// steps in order, so whoever reads them comes later everywhere.
struct Scheduler: Sendable {
  struct Entry: Sendable {
    let user: String
    /// The prompt, then what was sampled.
    var tokens: [Int32]
    let promptCount: Int
    let images: [SequenceImage]
    /// Which images' features are at stage 0.
    var readyImages: [Bool]
    /// Positions that are in the KV cache once the steps in flight are through.
    var issued = 0
    /// Positions that steps have been through with since it was admitted, those found in the KV cache
    /// included; 0 before the first step is.
    var computed = 0
    /// When it was admitted, by the count of `current`.
    var admitted: UInt64 = 0
    var blocks: [Int] = []
    /// Leading blocks with a known content, and what the next one names as its parent.
    var published = 0
    var node = KVBlockPool.root
    var isRunning = false
    /// A span that samples is in the pipeline.
    var isAwaiting = false
    /// Rows of its chunks.
    var chunkRows = 0
    /// Whether few rows were left of its prompt when it was admitted.
    var isBrief = false
    /// The step that it was last part of, or looked at for, by the count of `current`.
    var lastStep: UInt64 = 0
    /// The content of a block that it has begun and not filled.
    var building: BlockContent?
    /// Positions of the prompt that were in the KV cache already.
    var cachedTokens = 0
    /// Whether it was preempted; what it finds in the KV cache then is its own.
    var wasPreempted = false

    /// The content of a block that is full once all tokens are computed.
    func content(ofBlock block: Int, _ blockTokens: Int, after parent: UInt64) -> BlockContent {
      BlockContent(
        block: block, blockTokens: blockTokens, parent: parent, tokens: tokens, images: images)
    }
  }

  var limits: SchedulerLimits
  var pool: KVBlockPool
  var curve: StepCurve
  var entries: [SequenceID: Entry] = [:]
  var queue = FairQueue()
  /// Sequences with KV blocks, by arrival.
  var running: [SequenceID] = []
  /// Those of them whose known tokens are not all computed.
  var prefilling: [SequenceID] = []
  /// Those of them whose last token waits for a step, in the order in which they are served.
  var decodes: [SequenceID] = []
  /// Who is filling a block of a prompt with this content.
  var building: [BlockContent: SequenceID] = [:]
  /// Blocks that are given back once the step that is being formed is formed.
  var outgrown: [Int] = []
  /// Nobody can be admitted until something changes.
  var isStalled = false
  /// Chunks of prefill since the last one of whoever came first.
  var overtakings = 0
  /// Sequences that could be admitted but for images whose features are needed after all.
  var imageless: Set<SequenceID> = []
  /// Steps in the pipeline by number, and when they were formed by the count of `current`.
  var inFlight: [UInt64: (plan: StepPlan, formed: UInt64)] = [:]
  var lastNumber: UInt64 = 0
  var forecast: PipelineForecast
  /// Counts how often a step was formed, or tried to be: names the one at hand.
  var current: UInt64 = 0

  /// Prompt tokens found in the KV cache, and asked for.
  private(set) var hitTokens = 0
  private(set) var askedTokens = 0
  private(set) var preemptions = 0

  init(limits: SchedulerLimits, pool: KVBlockPool) {
    precondition(limits.stepsInFlight > 0 && limits.stepTokens > 0)
    self.limits = limits
    self.pool = pool
    curve = StepCurve(predictedSeconds: limits.predictedSeconds)
    forecast = PipelineForecast(stages: limits.stages)
  }

  var stepsInFlight: Int { inFlight.count }
  var runningCount: Int { running.count }
  var waitingCount: Int { queue.count }
  var isIdle: Bool { entries.isEmpty && inFlight.isEmpty }

  /// Positions that one sequence can ever have.
  var sequenceTokensMax: Int { pool.blockCount * pool.blockTokens }

  // MARK: events

  /// Adds a sequence: its prompt and, behind `promptCount`, what was sampled already. All its tokens,
  /// those to come included, fit `sequenceTokensMax`.
  mutating func add(
    _ id: SequenceID, user: String = "", tokens: [Int32], promptCount: Int? = nil,
    images: [SequenceImage] = []
  ) {
    let promptCount = promptCount ?? tokens.count
    precondition(!tokens.isEmpty && tokens.count <= sequenceTokensMax && entries[id] == nil)
    entries[id] = Entry(
      user: user, tokens: tokens, promptCount: promptCount, images: images,
      readyImages: images.map { _ in false })
    askedTokens += promptCount
    queue.enter(user)
    queue.wait(id, of: user)
    isStalled = false
  }

  /// Says whether the features of the images that `isOne` picks are at stage 0.
  mutating func setReady(
    _ isReady: Bool, images isOne: (SequenceImage) -> Bool, of id: SequenceID
  ) {
    guard let entry = entries[id] else { return }
    for index in entry.images.indices where isOne(entry.images[index]) {
      entries[id]?.readyImages[index] = isReady
    }
    if isReady { isStalled = false }
  }

  /// The token after the last span of a sequence has been sampled; the sequence goes on.
  mutating func append(_ token: Int32, to id: SequenceID) {
    guard entries[id]?.isAwaiting == true, let isRunning = entries[id]?.isRunning else { return }
    entries[id]?.tokens.append(token)
    entries[id]?.isAwaiting = false
    if isRunning { decodes.append(id) } else { isStalled = false }
  }

  /// Ends a sequence and gives its blocks back. Steps in flight may still write to them: whatever
  /// uses the blocks next comes behind those steps at every stage.
  mutating func remove(_ id: SequenceID) {
    guard let entry = entries[id] else { return }
    if entry.isRunning { stop(id) } else { queue.remove(id, of: entry.user) }
    queue.leave(entry.user)
    entries[id] = nil
    imageless.remove(id)
    isStalled = false
  }

  /// Says that a step has left the pipeline, and how long it took at the slowest stage. Returns
  /// whether it was in it.
  mutating func complete(_ number: UInt64, seconds: Double = 0, now: Double = 0) -> Bool {
    guard let step = inFlight.removeValue(forKey: number) else { return false }
    for span in step.plan.spans where entries[span.sequence]?.isRunning == true {
      // Not of a step that was formed before it was preempted.
      guard let entry = entries[span.sequence], step.formed >= entry.admitted else { continue }
      entries[span.sequence]?.computed = span.positions.upperBound
    }
    forecast.complete(number, now: now)
    curve.add(rows: step.plan.rows, attended: step.plan.attended, seconds: seconds)
    return true
  }

  /// What one more step in the pipeline may be for.
  private enum Room { case nothing, briefPrompts, anything }

  /// There are as many steps as decodes are spread over; these take prompts along, as every step more reads
  /// all weights once more.
  ///
  /// Where one of them is of prompts alone, one more waits at stage 0 while steps of different lengths keep
  /// the other stages busy; decodes that came with a step too many find together again. Beside steps that
  /// all decode it is for prompts alone, where decodes fill the others; else for brief ones, which need
  /// not wait for the next of them.
  private var room: Room {
    let steps = limits.stepsInFlight
    guard inFlight.count >= steps else { return .anything }
    guard inFlight.count == steps, steps > 1 else { return .nothing }
    let decoding = inFlight.values.map(\.plan.decodes)
    if decoding.contains(0) { return .anything }
    guard decodes.isEmpty else { return .nothing }
    let most = min(limits.stepTokens, limits.stepSpans)
    if decoding.allSatisfy({ $0 >= most }) { return .anything }
    return overtakings < Self.overtakingsMax ? .briefPrompts : .nothing
  }

  /// The next step, or nil if the pipeline is full or nothing can be computed.
  mutating func nextStep(now: Double = 0) -> StepPlan? {
    guard !entries.isEmpty else { return nil }
    current += 1
    admit()
    let room = room
    guard room != .nothing else { return nil }
    var spans = takeDecodes()
    takePrefill(into: &spans, briefAlone: room == .briefPrompts, now: now)
    pool.release(outgrown)
    outgrown.removeAll(keepingCapacity: true)
    guard !spans.isEmpty else { return nil }
    lastNumber += 1
    let plan = StepPlan(number: lastNumber, spans: spans)
    inFlight[lastNumber] = (plan, current)
    forecast.send(lastNumber, stageSeconds: expected(plan), now: now)
    return plan
  }

  /// How long a step will take at the slowest stage, in seconds.
  func expected(_ plan: StepPlan) -> Double {
    curve.expected(rows: plan.rows, attended: plan.attended)
  }

  // MARK: what is known of a sequence

  /// Prompt positions that were in the KV cache when the sequence was admitted.
  func cachedTokens(_ id: SequenceID) -> Int { entries[id]?.cachedTokens ?? 0 }

  /// Images whose features must come to stage 0 before the sequence can be computed: those that are
  /// not wholly in the KV cache.
  func missingImages(_ id: SequenceID) -> [SequenceImage] {
    guard let entry = entries[id], !entry.isRunning else { return [] }
    return missing(entry, after: cachedBlocks(entry).count * pool.blockTokens)
  }

  /// Takes the sequences that were found to need features after all.
  mutating func takeImageless() -> [SequenceID] {
    defer { imageless = [] }
    return imageless.sorted()
  }

  func missing(_ entry: Entry, after position: Int) -> [SequenceImage] {
    zip(entry.images, entry.readyImages).filter { image, isReady in
      !isReady && image.positions.upperBound > position
    }.map(\.0)
  }

  /// The leading blocks that are in the KV cache. The last token is always computed: what comes
  /// after it is sampled.
  func cachedBlocks(_ entry: Entry) -> [KVBlockPool.Known] {
    var found: [KVBlockPool.Known] = []
    var node = KVBlockPool.root
    while (found.count + 1) * pool.blockTokens < entry.tokens.count {
      let content = entry.content(ofBlock: found.count, pool.blockTokens, after: node)
      guard let known = pool.find(content) else { break }
      found.append(known)
      node = known.node
    }
    return found
  }

  // MARK: coming and going

  /// Gives a sequence's blocks back and takes it out of all lists of those that run.
  mutating func stop(_ id: SequenceID) {
    guard let entry = entries[id], entry.isRunning else { return }
    pool.release(entry.blocks)
    if let content = entry.building { building[content] = nil }
    running.removeAll { $0 == id }
    prefilling.removeAll { $0 == id }
    decodes.removeAll { $0 == id }
    entries[id]?.isRunning = false
    entries[id]?.blocks = []
    entries[id]?.building = nil
    entries[id]?.issued = 0
    entries[id]?.computed = 0
    entries[id]?.published = 0
    entries[id]?.node = KVBlockPool.root
    isStalled = false
  }

  mutating func preempt(_ id: SequenceID) {
    guard let entry = entries[id] else { return }
    stop(id)
    entries[id]?.wasPreempted = true
    queue.wait(id, of: entry.user)
    preemptions += 1
  }

  mutating func countHit(_ tokens: Int, of id: SequenceID) {
    guard let entry = entries[id], !entry.wasPreempted else { return }
    let hit = min(tokens, entry.promptCount - entry.cachedTokens)
    entries[id]?.cachedTokens += hit
    hitTokens += hit
  }
}
