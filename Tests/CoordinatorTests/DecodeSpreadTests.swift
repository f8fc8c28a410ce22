/// Over how many steps decodes are spread, before pipelines of different kinds.

import Testing

@testable import Coordinator

@Suite("spread of decodes")
struct DecodeSpreadTests {
  /// Stages that read weights and compute rows, whichever takes longer, and the ways between them.
  struct Machine: Sendable {
    var stages = 2
    /// From one process to the next, in seconds.
    var way = 0.0005
    var rowSeconds: Double
    /// Reading weights, while no other stage computes and while others do.
    var readSeconds: Double
    var readSecondsShared: Double
    /// The number of steps that gives most tokens a second.
    var best: Int
  }

  @Test(
    "the number of steps that gives most tokens is found, and kept",
    arguments: [
      // One core of a machine has more than half of its memory's bandwidth.
      Machine(rowSeconds: 0.0005, readSeconds: 0.014, readSecondsShared: 0.018, best: 1),
      Machine(rowSeconds: 0.0005, readSeconds: 0.018, readSecondsShared: 0.018, best: 2),
      Machine(
        way: 0.003, rowSeconds: 0.004, readSeconds: 0.005, readSecondsShared: 0.005, best: 3),
      Machine(
        stages: 3, way: 0.01, rowSeconds: 0.002, readSeconds: 0.005, readSecondsShared: 0.005,
        best: 6),
    ])
  func finds(machine: Machine) {
    var limits = SchedulerLimits(stepsInFlight: machine.stages, stepTokens: 256)
    limits.stages = machine.stages
    limits.adaptsSpread = true
    var pipeline = TimedPipeline(machine, limits: limits)
    for id in 1...16 as ClosedRange<SequenceID> {
      pipeline.scheduler.add(id, tokens: (0..<20).map { Int32(id) * 50 + $0 })
    }
    var seconds: [Int: Double] = [:]
    while pipeline.now < 60 {
      let before = pipeline.now
      pipeline.advance()
      if before > 20 {
        seconds[pipeline.scheduler.decodeSteps, default: 0] += pipeline.now - before
      }
    }
    let share = seconds[machine.best, default: 0] / seconds.values.reduce(0, +)
    #expect(share > 0.9, "\(seconds)")
  }

  @Test("what was found for some sequences is not taken for many more, nor for few")
  func otherLoads() {
    var spread = DecodeSpread(stages: 2)
    var now = 0.0
    for _ in 0..<4000 {
      // One step for all is best.
      now += spread.steps(decoding: 16) == 1 ? 0.02 : 0.04
      spread.complete(decodes: 16, decoding: 16, isPure: true, now: now)
    }
    #expect([16, 9, 30, 40, 7].map { spread.steps(decoding: $0) } == [1, 1, 1, 2, 2])
  }

  @Test("nothing is tried beside prompts, by few sequences, or where the number was chosen")
  func keeps() {
    var spread = DecodeSpread(stages: 2)
    for number in 0..<5000 {
      let isPure = number % 40 != 0
      spread.complete(decodes: 8, decoding: 16, isPure: isPure, now: Double(number) * 0.001)
      #expect(spread.steps(decoding: 16) == 2)
    }
    for number in 5000..<9000 {
      spread.complete(decodes: 2, decoding: 4, isPure: true, now: Double(number) * 0.01)
      #expect(spread.steps(decoding: 4) == 2)
    }
    var single = DecodeSpread(stages: 1)
    single.complete(decodes: 8, decoding: 16, isPure: true, now: 0)
    #expect(single.steps(decoding: 16) == 1)
  }
}

/// A pipeline whose stages work at the same time, event by event.
private struct TimedPipeline {
  private enum Place {
    case way(to: Int, until: Double)
    case waiting(at: Int)
    case stage(Int, until: Double)
  }

  let machine: DecodeSpreadTests.Machine
  var scheduler: Scheduler
  var now = 0.0
  private var steps: [(plan: StepPlan, place: Place)] = []

  init(_ machine: DecodeSpreadTests.Machine, limits: SchedulerLimits) {
    self.machine = machine
    scheduler = Scheduler(
      limits: limits, pool: KVBlockPool(blockCount: 40_000, blockTokens: 16))
  }

  /// On to the next event.
  mutating func advance() {
    while let plan = scheduler.nextStep(now: now) {
      steps.append((plan, .way(to: 0, until: now + machine.way)))
    }
    now = steps.compactMap { until($0.place) }.min() ?? .infinity
    // The oldest first: steps do not overtake each other.
    for (index, step) in steps.enumerated() where until(step.place).map({ $0 <= now }) ?? false {
      switch step.place {
      case .way(let stage, _): steps[index].place = .waiting(at: stage)
      case .stage(let stage, _): steps[index].place = .way(to: stage + 1, until: now + machine.way)
      case .waiting: break
      }
    }
    if let first = steps.first, case .waiting(machine.stages) = first.place {
      steps.removeFirst()
      receive(first.plan)
    }
    for stage in 0..<machine.stages { start(stage) }
  }

  private func until(_ place: Place) -> Double? {
    switch place {
    case .way(_, let time), .stage(_, let time): time
    case .waiting: nil
    }
  }

  private mutating func start(_ stage: Int) {
    let busy = steps.compactMap { step -> Int? in
      if case .stage(let busy, _) = step.place { busy } else { nil }
    }
    let next = steps.firstIndex { step in
      if case .waiting(stage) = step.place { true } else { false }
    }
    guard !busy.contains(stage), let next else { return }
    let read = busy.isEmpty ? machine.readSeconds : machine.readSecondsShared
    let seconds = max(read, machine.rowSeconds * Double(steps[next].plan.rows))
    steps[next].place = .stage(stage, until: now + seconds)
  }

  private mutating func receive(_ plan: StepPlan) {
    _ = scheduler.complete(plan.number, seconds: 0.01, now: now)
    for span in plan.spans where span.samples { scheduler.append(7, to: span.sequence) }
  }
}
