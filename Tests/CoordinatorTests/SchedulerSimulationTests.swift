/// The scheduler under long random sequences of events, before a decoder that finds every wrong
/// block.

import Testing
import Wire

@testable import Coordinator

@Suite("scheduler: random events")
struct SchedulerSimulationTests {
  @Test("every sequence gets the tokens that it gets alone, whatever the order of events")
  func simulation() throws {
    var (preemptions, hits, rebuilt, carried, copiedBefore) = (0, 0, 0, 0, 0)
    for seed in 0..<150 as Range<UInt64> {
      var simulation = Simulation(seed: seed)
      simulation.run()
      preemptions += simulation.scheduler.preemptions
      hits += simulation.scheduler.hitTokens
      rebuilt += simulation.rebuilt
      carried += simulation.carried
      copiedBefore += simulation.copiedBefore
    }
    // The events were such that it mattered.
    #expect(
      preemptions > 200 && hits > 4000 && rebuilt > 5000, "\(preemptions) \(hits) \(rebuilt)")
    #expect(carried > 1000 && copiedBefore > 500, "\(carried) \(copiedBefore)")
  }

  @Test("many sequences live through thousands of events, and nothing is lost")
  func endurance() throws {
    for seed in 1000..<1003 as Range<UInt64> {
      var simulation = Simulation(seed: seed, sequences: 400)
      simulation.run()
    }
  }
}

private struct Simulation {
  struct Question {
    var tokens: [Int32]
    var images: [SequenceImage]
    var newTokens: Int
    var user: String
    /// What every position of the prompt holds.
    var contents: [UInt64]
  }

  var random: SplitMix
  var scheduler: Scheduler
  var decoder: FakeDecoder
  var questions: [SequenceID: Question] = [:]
  var pending: [SequenceID] = []
  var flight: [(plan: StepPlan, sampled: [Int32])] = []
  var answers: [SequenceID: [Int32]] = [:]
  /// Sequences that are there, and images that are on their way for them.
  var live: Set<SequenceID> = []
  var encoding: [(SequenceID, SequenceImage)] = []
  /// Positions that stages were sent once more.
  var rebuilt = 0
  /// What other stages have copied of the cache, and what of it they need not copy again.
  var moving: (decoder: FakeDecoder, carried: CarriedBlocks)?
  /// Blocks that went to other stages, and those of them that had been copied before.
  var carried = 0
  var copiedBefore = 0
  var limits: SchedulerLimits
  let blocks: Int

  init(seed: UInt64, sequences: Int = 24) {
    var random = SplitMix(state: seed)
    let blockTokens = [1, 2, 4, 8].randomElement(using: &random) ?? 4
    blocks = 96 / blockTokens
    limits = SchedulerLimits(
      stepsInFlight: Int.random(in: 1...4, using: &random),
      stepTokens: Int.random(in: 1...24, using: &random),
      stepSpans: Int.random(in: 1...12, using: &random),
      stepSeconds: Bool.random(using: &random) ? .infinity : 0.01)
    scheduler = Scheduler(
      limits: limits, pool: KVBlockPool(blockCount: blocks, blockTokens: blockTokens))
    decoder = FakeDecoder(blockTokens: blockTokens)
    for id in 1...SequenceID(sequences) {
      questions[id] = Self.question(&random)
      pending.append(id)
    }
    self.random = random
  }

  /// Prompts that begin alike: the same few texts and images in front.
  static func question(_ random: inout SplitMix) -> Question {
    var question = Question(
      tokens: [], images: [], newTokens: Int.random(in: 1...24, using: &random),
      user: ["", "anna", "ben"].randomElement(using: &random) ?? "", contents: [])
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let kind = Int.random(in: 0..<4, using: &random)
      let count = 4 + 5 * kind
      if kind == 0 {
        question.tokens += (0..<count).map { _ in Int32.random(in: 20...21, using: &random) }
      } else if Bool.random(using: &random) {
        question.tokens += (0..<count).map { Int32(kind * 50 + $0) }
      } else {
        let first = question.tokens.count
        question.images.append(
          SequenceImage(digest: digest(UInt8(kind)), positions: first..<first + count))
        question.tokens += Array(repeating: 5, count: count)
      }
    }
    question.contents = question.tokens.map { UInt64($0) }
    for image in question.images {
      for (row, position) in image.positions.enumerated() {
        // Each kind of image has its own number of rows.
        question.contents[position] = UInt64(1000 * image.positions.count + row)
      }
    }
    return question
  }

  static func digest(_ number: UInt8) -> ContentDigest {
    ContentDigest(
      fileDigest: Array(repeating: number, count: 32),
      geometry: WireImageGeometry(
        fit: .stretch, originalWidth: 9, originalHeight: 9, side: 9, shortestEdge: 9),
      encoder: Array(repeating: 0, count: 32))
  }

  mutating func run() {
    var turns = 0
    while turns < 200_000, !pending.isEmpty || !live.isEmpty || !flight.isEmpty {
      turns += 1
      switch Int.random(in: 0..<12, using: &random) {
      case 0, 1: ask()
      case 2: cancel()
      case 3, 4: finishEncoding()
      case 5...8: form()
      case 9 where Int.random(in: 0..<4, using: &random) == 0: replaceStage()
      case 9: copyBlocks()
      case 10 where flight.isEmpty && moving != nil: carryOver()
      default: complete()
      }
      checkBlocks()
    }
    #expect(turns < 200_000, "somebody starves")
    #expect(scheduler.isIdle && scheduler.pool.availableCount == blocks)
    #expect(scheduler.building.isEmpty && scheduler.waitingCount == 0)
  }

  private mutating func ask() {
    guard let id = pending.first, let question = questions[id] else { return }
    pending.removeFirst()
    live.insert(id)
    scheduler.add(id, user: question.user, tokens: question.tokens, images: question.images)
    for image in scheduler.missingImages(id) { encoding.append((id, image)) }
  }

  private mutating func cancel() {
    guard Int.random(in: 0..<8, using: &random) == 0, let id = live.randomElement(using: &random)
    else { return }
    scheduler.remove(id)
    live.remove(id)
  }

  private mutating func finishEncoding() {
    guard let index = encoding.indices.randomElement(using: &random) else { return }
    let (id, image) = encoding.remove(at: index)
    scheduler.setReady(true, images: { $0 == image }, of: id)
  }

  private mutating func form() {
    let decoding = scheduler.running.count - scheduler.prefilling.count
    let ready = Set(scheduler.decodes)
    guard let plan = scheduler.nextStep() else {
      for id in scheduler.takeImageless() {
        for image in scheduler.missingImages(id) { encoding.append((id, image)) }
      }
      return
    }
    #expect(plan.rows <= limits.stepTokens && plan.spans.count <= limits.stepSpans)
    #expect(Set(plan.spans.map(\.sequence)).count == plan.spans.count)
    let share = (decoding + limits.stepsInFlight - 1) / limits.stepsInFlight
    #expect(plan.spans.count { ready.contains($0.sequence) } <= share)
    for span in plan.spans {
      let entry = scheduler.entries[span.sequence]
      for (image, isReady) in zip(entry?.images ?? [], entry?.readyImages ?? []) {
        #expect(isReady || !image.positions.overlaps(span.positions), "an image is not there")
      }
    }
    let spans = plan.spans.map(spanOfDecoder)
    flight.append((plan, decoder.compute(spans)))
    #expect(flight.count <= limits.stepsInFlight + 1)
    for span in plan.spans where span.samples {
      scheduler.setReady(false, images: { _ in true }, of: span.sequence)
    }
  }

  /// A stage is lost with the steps in flight, and another one is told what the cache must hold.
  private mutating func replaceStage() {
    flight = []
    moving = nil
    scheduler.rollBack()
    decoder = FakeDecoder(blockTokens: scheduler.pool.blockTokens)
    for plan in scheduler.rebuildingSteps() {
      #expect(plan.rows <= limits.stepTokens && plan.spans.count <= limits.stepSpans)
      #expect(Set(plan.spans.map(\.sequence)).count == plan.spans.count)
      #expect(plan.spans.allSatisfy { !$0.samples })
      #expect(plan.spans.flatMap(\.blocks).allSatisfy(scheduler.pool.isLogged))
      _ = decoder.compute(plan.spans.map(spanOfDecoder))
      rebuilt += plan.rows
    }
  }

  /// Stages that are to take over copy what is full and new to them, while others go on.
  private mutating func copyBlocks() {
    var (other, carried) =
      moving ?? (FakeDecoder(blockTokens: decoder.blockTokens), CarriedBlocks())
    let pool = scheduler.pool
    let blocks = scheduler.fullBlocks.filter { !carried.holds($0, in: pool) }
    carried.note(blocks, in: pool)
    other.copy(blocks, of: decoder)
    moving = (other, carried)
  }

  /// Other stages take over, with no step in flight.
  private mutating func carryOver() {
    guard let (copied, blocks) = moving else { return }
    moving = nil
    if Bool.random(using: &random) {
      // Another stage 0 has no images.
      scheduler.forgetImages()
      encoding = []
      for id in live {
        for image in scheduler.missingImages(id) { encoding.append((id, image)) }
      }
    }
    let held = scheduler.heldBlocks
    let rest = held.filter { !blocks.holds($0, in: scheduler.pool) }
    carried += held.count
    copiedBefore += held.count - rest.count
    var next = FakeDecoder(copying: held.subtracting(rest), of: copied)
    next.copy(rest, of: decoder)
    decoder = next
    limits.stepsInFlight = Int.random(in: 1...4, using: &random)
    limits.stages = limits.stepsInFlight
    scheduler.pool.forgetLogs()
    scheduler.carryOver(to: limits)
  }

  private func spanOfDecoder(_ span: StepPlan.Span) -> FakeDecoder.Span {
    let question = questions[span.sequence]
    let answer = (answers[span.sequence] ?? []).map { UInt64($0) }
    let all = (question?.contents ?? []) + answer
    #expect(span.positions.upperBound <= all.count)
    #expect(span.samples == (span.positions.upperBound == all.count))
    let tokens = (question?.tokens ?? []) + (answers[span.sequence] ?? [])
    #expect(span.tokens == Array(tokens[span.positions]))
    return FakeDecoder.Span(
      before: Array(all[..<span.firstPosition]), contents: Array(all[span.positions]),
      blocks: span.blocks)
  }

  private mutating func complete() {
    guard !flight.isEmpty else { return }
    let (plan, sampled) = flight.removeFirst()
    let known = scheduler.complete(
      plan.number, seconds: Double(plan.rows) * 0.001)
    #expect(known)
    for (span, token) in zip(plan.spans, sampled) where span.samples && live.contains(span.sequence)
    {
      answers[span.sequence, default: []].append(token)
      guard let question = questions[span.sequence], let answer = answers[span.sequence] else {
        continue
      }
      if answer.count == question.newTokens {
        #expect(answer == FakeDecoder.answer(to: question.contents, count: answer.count))
        scheduler.remove(span.sequence)
        live.remove(span.sequence)
      } else {
        scheduler.append(token, to: span.sequence)
      }
    }
  }

  /// Every block is free, kept, or used by exactly those that hold it.
  private func checkBlocks() {
    var users: [Int: Int] = [:]
    for id in scheduler.running {
      for block in scheduler.entries[id]?.blocks ?? [] { users[block, default: 0] += 1 }
    }
    for block in 0..<blocks where scheduler.pool.references(block) != users[block, default: 0] {
      Issue.record("block \(block) has \(scheduler.pool.references(block)) users")
    }
    #expect(users.count + scheduler.pool.availableCount == blocks)
  }
}
