/// The scheduler before a pipeline of stages that take time: how busy they are, and who waits how
/// long.

import Testing

@testable import Coordinator

@Suite("scheduler: a pipeline in virtual time")
struct PipelineSimulationTests {
  @Test("a long prompt delays nobody's next token beyond the allowed time", arguments: 1...4)
  func gaps(stages: Int) {
    var pipeline = SimulatedPipeline(stages: stages, stepSeconds: 0.2)
    for id in 1...15 as ClosedRange<SequenceID> {
      pipeline.scheduler.add(id, tokens: (0..<40).map { Int32(id) * 50 + $0 })
    }
    pipeline.run(until: 6)
    pipeline.worstGap = 0
    let asked = pipeline.now
    for (id, count) in [(99, 1500), (100, 300)] as [(SequenceID, Int32)] {
      pipeline.scheduler.add(id, tokens: (0..<count).map { 2000 * Int32(id) + $0 })
    }
    // The same prompt and more: it begins far on, where rows attend to much.
    pipeline.run(until: asked + 8)
    let again = pipeline.now
    pipeline.scheduler.add(101, tokens: (0..<1800).map { 2000 * 99 + $0 })
    pipeline.run(until: again + 4)
    #expect(pipeline.worstGap <= 0.2 * 1.05, "\(pipeline.worstGap)")
    // No slower than need be: beside the decodes a stage has most of its time for the prompt.
    let first = (pipeline.firstToken[99] ?? .infinity) - asked
    let work = SimulatedPipeline.seconds(rows: 1500, attended: 1500 * 1500 / 2)
    #expect(first < 2 * work + 0.4, "\(first) s for \(work) s of work a stage")
    #expect((pipeline.firstToken[101] ?? .infinity) - again < 1.2)
  }

  /// How long a step takes, and each of its rows.
  struct Machine: Sendable {
    var stepSeconds: Double
    var rowSeconds: Double
  }

  @Test(
    "where decodes alone take most of the allowed time, a long prompt takes what is left",
    arguments: [
      (Machine(stepSeconds: 0.002, rowSeconds: 0.007), 24),
      (Machine(stepSeconds: 0.03, rowSeconds: 0.004), 16),
      // Where reading the weights takes most of a step, rows that go along cost little.
      (Machine(stepSeconds: 0.045, rowSeconds: 0.002), 9),
      (Machine(stepSeconds: 0.055, rowSeconds: 0.001), 5),
    ])
  func slowMachine(_ machine: Machine, firstTokenMax: Double) {
    var pipeline = SimulatedPipeline(stages: 2, stepSeconds: 0.2, machine)
    for id in 1...15 as ClosedRange<SequenceID> {
      pipeline.scheduler.add(id, tokens: (0..<40).map { Int32(id) * 50 + $0 })
    }
    pipeline.run(until: 10)
    pipeline.worstGap = 0
    let asked = pipeline.now
    pipeline.scheduler.add(99, tokens: (0..<800).map { 4000 + $0 })
    pipeline.run(until: asked + 2)
    #expect(pipeline.worstGap <= 0.2 * 1.2, "\(pipeline.worstGap)")
    // Brief ones of the same user do not wait for many such rests, nor for the long one.
    var (briefGap, slowest) = (0.0, 0.0)
    for id in 200...204 as ClosedRange<SequenceID> {
      let asked = pipeline.now
      pipeline.worstGap = 0
      pipeline.scheduler.add(id, tokens: (0..<20).map { Int32(id) * 100 + $0 })
      pipeline.run(until: asked + 1)
      briefGap = max(briefGap, pipeline.worstGap)
      slowest = max(slowest, (pipeline.firstToken[id] ?? .infinity) - asked)
      pipeline.scheduler.remove(id)
      pipeline.run(until: pipeline.now + 0.5)
    }
    pipeline.worstGap = 0
    pipeline.run(until: asked + 30)
    let first = (pipeline.firstToken[99] ?? .infinity) - asked
    #expect(slowest < 0.5 && briefGap < 0.35, "\(slowest) \(briefGap)")
    #expect(pipeline.worstGap <= 0.2 * 1.2, "\(pipeline.worstGap)")
    #expect(first < firstTokenMax, "\(first)")
  }

  @Test(
    "a brief prompt has a step to itself beside decodes, as far as these have time",
    arguments: [
      // Eight decodes take a sixth of the allowed time at a stage, the prompt a third: it is through
      // with the step before it at stage 0 and its own at both.
      (Machine(stepSeconds: 0.011, rowSeconds: 0.002_75), 0.17),
      // They take a fourth, and the prompt nearly half of it: it is cut.
      (Machine(stepSeconds: 0.02, rowSeconds: 0.0035), 0.27),
    ])
  func briefPrompt(_ machine: Machine, firstTokenMax: Double) {
    var pipeline = SimulatedPipeline(stages: 2, stepSeconds: 0.2, machine)
    for id in 1...15 as ClosedRange<SequenceID> {
      pipeline.scheduler.add(id, tokens: (0..<40).map { Int32(id) * 50 + $0 })
    }
    pipeline.run(until: 6)
    pipeline.worstGap = 0
    var slowest = 0.0
    for id in 200...219 as ClosedRange<SequenceID> {
      pipeline.pass(0.002 * Double(id - 200))
      let asked = pipeline.now
      pipeline.scheduler.add(id, tokens: (0..<20).map { Int32(id) * 100 + $0 })
      pipeline.run(until: asked + 0.5)
      slowest = max(slowest, (pipeline.firstToken[id] ?? .infinity) - asked)
      pipeline.scheduler.remove(id)
      pipeline.run(until: pipeline.now + 0.5)
    }
    #expect(slowest < firstTokenMax, "\(slowest)")
    #expect(pipeline.worstGap <= 0.215, "\(pipeline.worstGap)")
  }

  /// Stages, sequences at once, their prompts' and answers' tokens.
  struct Load: Sendable {
    var stages: Int
    var streams: Int
    var promptTokens: Int
    var newTokens: Int
  }

  @Test(
    "stages are busy while sequences come, decode and go",
    arguments: [
      Load(stages: 2, streams: 8, promptTokens: 30, newTokens: 60),
      Load(stages: 3, streams: 16, promptTokens: 30, newTokens: 60),
      Load(stages: 4, streams: 64, promptTokens: 100, newTokens: 100),
      Load(stages: 2, streams: 8, promptTokens: 300, newTokens: 4),
      Load(stages: 3, streams: 16, promptTokens: 300, newTokens: 4),
    ])
  func utilisation(load: Load) {
    var pipeline = SimulatedPipeline(stages: load.stages, stepSeconds: 0.2)
    pipeline.promptTokens = load.promptTokens
    pipeline.newTokensMax = load.newTokens
    pipeline.streams = load.streams
    pipeline.run(until: 2)
    let before = pipeline.busySeconds
    let start = pipeline.now
    pipeline.run(until: 30)
    for (stage, seconds) in pipeline.busySeconds.enumerated() {
      let share = (seconds - before[stage]) / (pipeline.now - start)
      #expect(share > 0.88, "stage \(stage) is busy for \(share)")
    }
  }
}

/// Stages that take a fixed time, one for each row and one for each position that a row attends to,
/// in whose order steps pass.
private struct SimulatedPipeline {
  static func seconds(rows: Int, attended: Int) -> Double {
    seconds(rows: rows, attended: attended, fast)
  }

  static let fast = PipelineSimulationTests.Machine(stepSeconds: 0.002, rowSeconds: 0.0005)

  private static func seconds(
    rows: Int, attended: Int, _ machine: PipelineSimulationTests.Machine
  ) -> Double {
    machine.stepSeconds + machine.rowSeconds * Double(rows) + 0.000_000_5 * Double(attended)
  }

  let machine: PipelineSimulationTests.Machine
  var scheduler: Scheduler
  var now = 0.0
  var worstGap = 0.0
  var firstToken: [SequenceID: Double] = [:]
  var busySeconds: [Double]
  /// After so many tokens a sequence ends and another takes its place.
  var newTokensMax = Int.max
  var promptTokens = 30
  /// Sequences that are kept going.
  var streams = 0
  private var lastID: SequenceID = 1000
  private var lastToken: [SequenceID: Double] = [:]
  private var counts: [SequenceID: Int] = [:]
  private var freeAt: [Double]
  private var flight: [(plan: StepPlan, leaves: Double)] = []

  init(
    stages: Int, stepSeconds: Double, _ machine: PipelineSimulationTests.Machine = Self.fast
  ) {
    self.machine = machine
    scheduler = Scheduler(
      limits: SchedulerLimits(
        stepsInFlight: stages, stages: stages, stepTokens: 256, stepSeconds: stepSeconds,
        predictedSeconds: 0.0025),
      pool: KVBlockPool(blockCount: 4000, blockTokens: 16))
    freeAt = Array(repeating: 0, count: stages)
    busySeconds = freeAt
  }

  /// Lets time pass in which no step comes out, after those that can be sent are.
  mutating func pass(_ seconds: Double) {
    while let plan = scheduler.nextStep(now: now) { send(plan) }
    now = min(now + seconds, flight.first?.leaves ?? .infinity)
  }

  mutating func run(until end: Double) {
    while now < end {
      while scheduler.runningCount + scheduler.waitingCount < streams {
        lastID += 1
        let tokens = (0..<promptTokens).map { Int32(lastID) * 1000 + Int32($0) }
        scheduler.add(lastID, tokens: tokens)
      }
      while let plan = scheduler.nextStep(now: now) { send(plan) }
      guard !flight.isEmpty else { return }
      receive()
    }
  }

  private func seconds(_ plan: StepPlan) -> Double {
    Self.seconds(rows: plan.rows, attended: plan.attended, machine)
  }

  private mutating func send(_ plan: StepPlan) {
    let seconds = seconds(plan)
    var time = now
    for stage in freeAt.indices {
      time = max(time, freeAt[stage]) + seconds
      freeAt[stage] = time
      busySeconds[stage] += seconds
    }
    flight.append((plan, time))
  }

  private mutating func receive() {
    let (plan, leaves) = flight.removeFirst()
    now = leaves
    _ = scheduler.complete(plan.number, seconds: seconds(plan), now: now)
    for span in plan.spans where span.samples {
      let id = span.sequence
      if let last = lastToken[id] { worstGap = max(worstGap, now - last) }
      if firstToken[id] == nil { firstToken[id] = now }
      lastToken[id] = now
      counts[id, default: 0] += 1
      if counts[id, default: 0] >= newTokensMax {
        scheduler.remove(id)
      } else {
        scheduler.append(7, to: id)
      }
    }
  }
}
