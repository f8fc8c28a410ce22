/// A stage that has been replaced, while its KV blocks are filled anew.

/// Steps that the stage before sends once more, from its log of what it sent.
struct Rebuild: Sendable {
  /// The place of the stage that is rebuilt; the one before has the log.
  let stage: Int
  /// Positions in all.
  let positions: Int
  /// Steps that are still to be sent, the next one last.
  private var waiting: [StepPlan]
  /// Steps under way, by number.
  var steps: [UInt64: StepInFlight] = [:]

  /// As many as keep both stages at work.
  private static let stepsInFlightMax = 3

  init(stage: Int, steps: [StepPlan]) {
    self.stage = stage
    positions = steps.reduce(0) { $0 + $1.rows }
    waiting = steps.reversed()
  }

  var isDone: Bool { waiting.isEmpty && steps.isEmpty }

  /// The next step, as far as there is room.
  mutating func next(now: Double) -> StepPlan? {
    guard steps.count < Self.stepsInFlightMax, let plan = waiting.popLast() else { return nil }
    steps[plan.number] = StepInFlight(plan: plan, sent: now)
    return plan
  }
}
