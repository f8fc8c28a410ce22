/// What goes into a step.

extension Scheduler {
  /// Prompt rows that are worth a step of their own, and that one has at least where no time is left for
  /// them (`rowsMin`).
  static let prefillRowsMin = 8
  /// Rows of a brief prompt.
  static let briefRowsMax = 24
  /// Chunks that may be taken before those of who came first.
  static let overtakingsMax = 8
  /// Rows that take hardly longer than fewer: a prompt is not cut into smaller chunks than these
  /// without need.
  static let chunkRowsMin = 16

  /// Lets sequences in that have their images, as far as there are KV blocks for what is known of
  /// them.
  mutating func admit() {
    guard !isStalled, queue.count > 0 else { return }
    for id in queue.inOrder() {
      guard let entry = entries[id], !entry.isAwaiting else { continue }
      let cached = cachedBlocks(entry)
      guard missing(entry, after: cached.count * pool.blockTokens).isEmpty else {
        imageless.insert(id)
        continue
      }
      guard start(id, entry, cached) else { break }
    }
    isStalled = true
  }

  /// Starts a sequence behind what is cached of it. Returns whether there are blocks for the rest.
  private mutating func start(
    _ id: SequenceID, _ entry: Entry, _ cached: [KVBlockPool.Known]
  ) -> Bool {
    // Used by this sequence they cannot be taken for another, nor for its own other blocks.
    for known in cached { pool.retain(known.block) }
    let needed = pool.blocks(for: entry.tokens.count) - cached.count
    // Each of those that run may soon need one more.
    guard needed + running.count <= pool.availableCount || running.isEmpty else {
      pool.release(cached.map(\.block))
      return false
    }
    var blocks = cached.map(\.block)
    for _ in 0..<needed {
      guard let block = pool.take() else { break }
      blocks.append(block)
    }
    precondition(blocks.count == cached.count + needed, "a lone sequence fits the pool")
    queue.remove(id, of: entry.user)
    imageless.remove(id)
    entries[id]?.blocks = blocks
    entries[id]?.issued = cached.count * pool.blockTokens
    entries[id]?.published = cached.count
    entries[id]?.node = cached.last?.node ?? KVBlockPool.root
    entries[id]?.isRunning = true
    entries[id]?.admitted = current
    let rows = entry.tokens.count - cached.count * pool.blockTokens
    let isBrief = rows <= Self.briefRowsMax
    // As many chunks as stages keep all of them at work on one prompt, and steps of one length. What
    // is left of a brief one would wait for another step for the sake of a few rows.
    let chunk = isBrief ? rows : (rows + limits.stepsInFlight - 1) / limits.stepsInFlight
    entries[id]?.isBrief = isBrief
    entries[id]?.chunkRows = max(
      Self.chunkRowsMin, pool.blocks(for: chunk) * pool.blockTokens)
    countHit(cached.count * pool.blockTokens, of: id)
    running.insert(id, at: running.lastIndex { $0 < id }.map { $0 + 1 } ?? 0)
    prefilling.append(id)
    return true
  }

  // MARK: decodes

  mutating func takeDecodes() -> [StepPlan.Span] {
    let decoding = running.count - prefilling.count
    let share = (decoding + limits.stepsInFlight - 1) / limits.stepsInFlight
    let most = min(share, limits.stepTokens, limits.stepSpans)
    var spans: [StepPlan.Span] = []
    var postponed: [SequenceID] = []
    var next = 0
    // Those that make room for others leave the list on the way, from behind this place.
    while spans.count < most, next < decodes.count {
      let id = decodes[next]
      switch secureBlock(for: id) {
      case .secured:
        next += 1
        spans.append(issue(id, through: (entries[id]?.issued ?? 0) + 1))
      case .postponed:
        next += 1
        postponed.append(id)
        entries[id]?.lastStep = current
      case .preempted: break
      }
    }
    decodes.removeFirst(next)
    decodes.insert(contentsOf: postponed, at: 0)
    return spans
  }

  private enum Securing { case secured, postponed, preempted }

  /// Sees to it that the next position of a sequence has a block, at the cost of those that came
  /// last. Whoever is in the step that is being formed keeps its blocks.
  private mutating func secureBlock(for id: SequenceID) -> Securing {
    guard let entry = entries[id], entry.blocks.count * pool.blockTokens <= entry.issued else {
      return .secured
    }
    while true {
      if let block = pool.take() {
        entries[id]?.blocks.append(block)
        return .secured
      }
      if let victim = victim(after: id) {
        preempt(victim)
      } else if running.last != id {
        // Those that came later are in this step; they give way in the next.
        return .postponed
      } else {
        preempt(id)
        return .preempted
      }
    }
  }

  /// Who came last, and after `id`, among those that run and are not in this step.
  private func victim(after id: SequenceID) -> SequenceID? {
    running.last { $0 > id && entries[$0]?.lastStep != current }
  }

  // MARK: prefill

  mutating func takePrefill(into spans: inout [StepPlan.Span], briefAlone: Bool, now: Double) {
    guard let next = nextPrefill(briefAlone).flatMap({ entries[$0] }) else { return }
    let decodeRows = spans.count
    let allowed = rowsAllowed(beside: spans, of: next, now: now)
    let rowsMin = rowsMin(of: next, besideDecodes: decodeRows > 0)
    var room = min(limits.stepTokens - decodeRows, max(allowed - decodeRows, rowsMin))
    // A few rows alone cost a whole reading of the weights; the prefill in flight gets on meanwhile.
    let isAlone = decodeRows == 0 && rowsMin == 0
    if isAlone, room < min(Self.prefillRowsMin, limits.stepTokens) { return }
    while room > 0, spans.count < limits.stepSpans, let id = nextPrefill(briefAlone) {
      entries[id]?.lastStep = current
      guard skipCached(id), let entry = entries[id] else { continue }
      var end = min(entry.issued + min(room, entry.chunkRows), entry.tokens.count)
      // Whole blocks can be shared; a last part of one would be computed again by others. Small chunks
      // would become much smaller by that.
      let whole = end / pool.blockTokens * pool.blockTokens
      let isCut = end < entry.tokens.count
      if isCut, 4 * (whole - entry.issued) >= 3 * (end - entry.issued) { end = whole }
      room -= end - entry.issued
      overtakings = prefilling.contains { $0 < id } ? overtakings + 1 : 0
      spans.append(issue(id, through: end))
      if end == entry.tokens.count { prefilling.removeAll { $0 == id } }
    }
  }

  /// Prompt rows of a step that has no time for them, so that prompts get on: in each for a brief prompt,
  /// which is through before that adds up, else in one of the steps in flight; fewer in one that decodes,
  /// as who decodes waits for them at every stage.
  private func rowsMin(of prompt: Entry, besideDecodes: Bool) -> Int {
    if prompt.isBrief { return Self.prefillRowsMin }
    if inFlight.values.contains(where: { $0.plan.rows > $0.plan.decodes }) { return 0 }
    return besideDecodes ? Self.prefillRowsMin / 2 : Self.prefillRowsMin
  }

  /// Rows that a step may have, its decodes included, so that its way through the pipeline takes no
  /// longer than a step may; and so that who gets a token now has the next one in that time: all steps
  /// in flight together take no longer, and this one comes out before.
  ///
  /// `prompt` is the one whose rows come first. As long as nobody decodes, nor is about to, nobody's
  /// next token is behind it; larger chunks cost less a row.
  private func rowsAllowed(
    beside decodes: [StepPlan.Span], of prompt: Entry, now: Double
  ) -> Int {
    guard limits.stepSeconds < .infinity else { return limits.stepTokens }
    var seconds = plannedSeconds / Double(limits.stages)
    if running.count > prefilling.count {
      seconds = min(
        decodes.isEmpty && prompt.isBrief ? briefSeconds : evenSeconds,
        forecast.stageSecondsMax(within: plannedSeconds, now: now))
    }
    return curve.rowsMax(
      within: seconds, decodes: decodes.count, attended: decodes.reduce(0) { $0 + $1.attended },
      context: prompt.issued)
  }

  /// What is planned for of the time that a step may take through the pipeline, in seconds: times
  /// scatter.
  private var plannedSeconds: Double { 0.9 * limits.stepSeconds }

  /// The even part of the planned time, in seconds at a stage, of each step that may be in flight;
  /// from the step before only half way there. If a prompt's first chunk took all that the decodes leave,
  /// the next step would get nothing, the one after it all again, and stages would wait for it.
  private var evenSeconds: Double {
    let even = plannedSeconds / Double(max(limits.stepsInFlight, inFlight.count + 1))
    guard let last = inFlight[lastNumber] else { return even }
    return (even + expected(last.plan)) / 2
  }

  /// What a step that begins with a brief prompt, and has no decodes, may take at a stage, in seconds:
  /// one step and the prompt is through. Who gets a token as it is sent waits for it at every stage,
  /// and then for a step of decodes, which is taken to be as long as those in flight.
  private var briefSeconds: Double {
    let longest = inFlight.values.reduce(0) { max($0, expected($1.plan)) }
    return max(evenSeconds, (plannedSeconds - longest) / Double(limits.stages))
  }

  /// The sequence whose chunk is next: of the user who was served least, the one that came first, or
  /// a brief one, which others hardly notice; but not for ever.
  private func nextPrefill(_ briefAlone: Bool) -> SequenceID? {
    let briefFirst = overtakings < Self.overtakingsMax
    var best: (served: Int, turn: Int, id: SequenceID)?
    for id in prefilling {
      guard let entry = entries[id], entry.lastStep != current else { continue }
      guard entry.isBrief || !briefAlone else { continue }
      let candidate = (
        served: queue.served(entry.user), turn: briefFirst && entry.isBrief ? 0 : 1, id: id
      )
      if best.map({ candidate < $0 }) ?? true { best = candidate }
    }
    return best?.id
  }

  /// Takes over blocks that others have filled meanwhile. Returns false while another sequence is
  /// filling the next one.
  private mutating func skipCached(_ id: SequenceID) -> Bool {
    while let entry = entries[id], entry.issued % pool.blockTokens == 0,
      entry.issued + pool.blockTokens < entry.tokens.count
    {
      let block = entry.issued / pool.blockTokens
      let content = entry.content(ofBlock: block, pool.blockTokens, after: entry.node)
      if let known = pool.find(content) {
        guard known.filledBy != current else { return false }
        pool.retain(known.block)
        pool.release(entry.blocks[block])
        entries[id]?.blocks[block] = known.block
        entries[id]?.issued += pool.blockTokens
        entries[id]?.published = block + 1
        entries[id]?.node = known.node
        countHit(pool.blockTokens, of: id)
      } else if let other = building[content], other != id {
        return false
      } else {
        return true
      }
    }
    return true
  }

  // MARK: both

  /// The span from what is issued to `end`. Full blocks become known.
  private mutating func issue(_ id: SequenceID, through end: Int) -> StepPlan.Span {
    guard let entry = entries[id] else { preconditionFailure("sequence \(id) is gone") }
    let samples = end == entry.tokens.count
    let span = StepPlan.Span(
      sequence: id, firstPosition: entry.issued, tokens: Array(entry.tokens[entry.issued..<end]),
      samples: samples, blocks: Array(entry.blocks.prefix(pool.blocks(for: end))))
    entries[id]?.issued = end
    entries[id]?.lastStep = current
    entries[id]?.isAwaiting = samples
    queue.serve(span.count, to: entry.user)
    if end / pool.blockTokens > entry.published || !samples { publish(id) }
    return span
  }

  private mutating func publish(_ id: SequenceID) {
    if let content = entries[id]?.building {
      building[content] = nil
      entries[id]?.building = nil
    }
    while let entry = entries[id], (entry.published + 1) * pool.blockTokens <= entry.issued {
      let block = entry.published
      let content = entry.content(ofBlock: block, pool.blockTokens, after: entry.node)
      let known = pool.publish(entry.blocks[block], content, filledBy: current)
      if known.block != entry.blocks[block] {
        // The step that is being formed still writes to the own one.
        pool.retain(known.block)
        outgrown.append(entry.blocks[block])
        entries[id]?.blocks[block] = known.block
      }
      entries[id]?.published += 1
      entries[id]?.node = known.node
    }
    guard let entry = entries[id], entry.issued % pool.blockTokens != 0 else { return }
    let block = entry.issued / pool.blockTokens
    guard (block + 1) * pool.blockTokens < entry.tokens.count else { return }
    let content = entry.content(ofBlock: block, pool.blockTokens, after: entry.node)
    guard building[content] == nil else { return }
    building[content] = id
    entries[id]?.building = content
  }
}
