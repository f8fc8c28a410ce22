/// Going on with what the KV blocks hold after a stage was replaced.

extension Scheduler {
  /// Takes the steps in flight back: they are lost on their way. What was computed before them stays,
  /// except for blocks that nobody uses.
  mutating func rollBack() {
    inFlight = [:]
    forecast = PipelineForecast(stages: limits.stages)
    lastNumber = 0
    building = [:]
    (decodes, prefilling) = ([], [])
    // What they were admitted behind, or share with another, may come from a step that is lost. Who came
    // last gives way.
    for id in running.reversed() where !canResume(id) { wait(id) }
    // What others computed of a sequence is known for as long as one of them is there that steps were
    // through with.
    let computed = running.reduce(into: Set<Int>()) { $0.formUnion(computedBlocks(of: $1)) }
    pool.forget(except: computed)
    for id in running { resume(id) }
    isStalled = false
  }

  /// A sequence's full blocks that steps were through with.
  func computedBlocks(of id: SequenceID) -> ArraySlice<Int> {
    entries[id].map { $0.blocks.prefix($0.computed / pool.blockTokens) } ?? []
  }

  /// Whether steps were through with a sequence, the logs hold all of it, nobody else uses the blocks
  /// that it goes on with, and the images that it still needs are at stage 0.
  private func canResume(_ id: SequenceID) -> Bool {
    guard let entry = entries[id], entry.computed > 0,
      entry.blocks.prefix(pool.blocks(for: entry.computed)).allSatisfy(pool.isLogged),
      missing(entry, after: entry.computed).isEmpty
    else { return false }
    return entry.blocks.dropFirst(entry.computed / pool.blockTokens)
      .allSatisfy { pool.references($0) == 1 }
  }

  /// Has a sequence that runs wait, to be computed from its beginning.
  mutating func wait(_ id: SequenceID) {
    guard let entry = entries[id] else { return }
    stop(id)
    entries[id]?.isAwaiting = false
    entries[id]?.wasPreempted = true
    queue.wait(id, of: entry.user)
  }

  /// Puts a sequence where it was when its last step was through.
  private mutating func resume(_ id: SequenceID) {
    guard var entry = entries[id] else { return }
    entry.issued = entry.computed
    entry.isAwaiting = false
    entry.building = nil
    (entry.published, entry.node) = (0, KVBlockPool.root)
    while (entry.published + 1) * pool.blockTokens <= entry.issued {
      let content = entry.content(ofBlock: entry.published, pool.blockTokens, after: entry.node)
      guard let known = pool.find(content), known.block == entry.blocks[entry.published] else {
        break
      }
      entry.node = known.node
      entry.published += 1
    }
    let decodes = entry.issued >= entry.promptCount && entry.issued == entry.tokens.count - 1
    entries[id] = entry
    if decodes { self.decodes.append(id) } else { prefilling.append(id) }
  }

  /// Steps over all positions that are computed, for a stage that has none of them: in the order in
  /// which they can be computed. Blocks that are shared come once.
  mutating func rebuildingSteps() -> [StepPlan] {
    var steps: [StepPlan] = []
    var spans: [StepPlan.Span] = []
    var rows = 0
    // Full blocks of steps before, and of the one that is being formed.
    var earlier: Set<Int> = []
    var current: Set<Int> = []
    func close() {
      guard !spans.isEmpty else { return }
      lastNumber += 1
      steps.append(StepPlan(number: lastNumber, spans: spans))
      earlier.formUnion(current)
      (spans, rows, current) = ([], 0, [])
    }
    for id in running {
      guard let entry = entries[id] else { continue }
      let full = computedBlocks(of: id)
      // As in all steps, what one fills is read by later ones.
      if full.first.map(current.contains) == true { close() }
      var position = full.prefix { earlier.contains($0) }.count * pool.blockTokens
      while position < entry.computed {
        if rows == limits.stepTokens || spans.count == limits.stepSpans { close() }
        let end = min(entry.computed, position + limits.stepTokens - rows)
        spans.append(
          StepPlan.Span(
            sequence: id, firstPosition: position, tokens: Array(entry.tokens[position..<end]),
            samples: false, blocks: Array(entry.blocks.prefix(pool.blocks(for: end)))))
        rows += end - position
        current.formUnion(full.prefix(end / pool.blockTokens))
        position = end
      }
    }
    close()
    return steps
  }
}
