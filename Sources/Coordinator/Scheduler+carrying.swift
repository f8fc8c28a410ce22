/// Going on before other stages, which have got what the KV blocks hold.

extension Scheduler {
  /// Full blocks of those that run that steps were through with: nobody writes to them while they are in
  /// use.
  var fullBlocks: Set<Int> {
    running.reduce(into: []) { $0.formUnion(computedBlocks(of: $1)) }
  }

  /// Blocks that hold something of those that run, while no step is in flight.
  var heldBlocks: Set<Int> {
    running.reduce(into: []) { held, id in
      guard let entry = entries[id] else { return }
      held.formUnion(entry.blocks.prefix(pool.blocks(for: entry.issued)))
    }
  }

  /// Another stage 0 has none of the images that came. Those that still need some wait for them.
  mutating func forgetImages() {
    for (id, entry) in entries {
      entries[id]?.readyImages = entry.images.map { _ in false }
    }
    for id in running.reversed() {
      guard let entry = entries[id], !missing(entry, after: entry.issued).isEmpty else { continue }
      wait(id)
    }
  }

  /// Goes on with `heldBlocks` before other stages; no step is in flight. What no sequence uses is
  /// forgotten.
  mutating func carryOver(to limits: SchedulerLimits) {
    precondition(inFlight.isEmpty, "a step is in flight")
    self.limits = limits
    forecast = PipelineForecast(stages: limits.stages)
    pool.forget(except: heldBlocks)
    isStalled = false
  }
}
