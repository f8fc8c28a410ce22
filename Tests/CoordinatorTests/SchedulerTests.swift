/// The scheduler: every token once and in order, fairly, within its bounds.

import Testing
import Wire

@testable import Coordinator

@Suite("scheduler")
struct SchedulerTests {
  @Test("chunks of one prompt fill the pipeline without waiting for a result")
  func chunksInFlight() {
    var scheduler = scheduler(steps: 3, tokens: 4, blocks: 10)
    scheduler.add(1, tokens: tokens(10))
    let steps = [scheduler.nextStep(), scheduler.nextStep(), scheduler.nextStep()]
    #expect(steps.map { $0?.spans.first?.firstPosition } == [0, 4, 8])
    #expect(steps.map { $0?.spans.first?.samples } == [false, false, true])
    #expect(scheduler.nextStep() == nil)
  }

  @Test("decodes are spread over the steps in flight and prefill takes the rest of each")
  func spread() {
    var scheduler = scheduler(steps: 2, tokens: 8, blocks: 40)
    for id in 1...4 as ClosedRange<SequenceID> { scheduler.add(id, tokens: tokens(2, from: id)) }
    let prefill = scheduler.nextStep()!
    #expect(prefill.spans.map(\.count) == [2, 2, 2, 2])
    let known = scheduler.complete(prefill.number)
    #expect(known)
    for id in 1...4 as ClosedRange<SequenceID> { scheduler.append(7, to: id) }
    scheduler.add(9, tokens: tokens(20, from: 9))
    let (first, second) = (scheduler.nextStep()!, scheduler.nextStep()!)
    #expect(first.spans.map(\.sequence) == [1, 2, 9])
    #expect(first.spans.map(\.count) == [1, 1, 6])
    #expect(second.spans.map(\.sequence) == [3, 4, 9])
    #expect(second.spans.map(\.firstPosition) == [2, 2, 6])
  }

  @Test("beside steps that all decode one more is for brief prompts, or where the others are full")
  func oneMore() {
    func decoding(_ count: SequenceID, tokens most: Int) -> Scheduler {
      var scheduler = self.scheduler(steps: 2, tokens: most, blocks: 100)
      for id in 1...count { scheduler.add(id, tokens: tokens(2, from: id)) }
      var flight: [StepPlan] = []
      for _ in 0..<100 {
        while let plan = scheduler.nextStep() { flight.append(plan) }
        if flight.map(\.decodes) == [Int(count) / 2, Int(count) / 2] { return scheduler }
        let plan = flight.removeFirst()
        _ = scheduler.complete(plan.number)
        for span in plan.spans where span.samples { scheduler.append(7, to: span.sequence) }
      }
      Issue.record("steps that all decode did not come about: \(flight)")
      return scheduler
    }
    var scheduler = decoding(4, tokens: 8)
    // A long prompt goes along with the next step that decodes, a brief one need not wait for it.
    scheduler.add(9, tokens: tokens(60, from: 9))
    #expect(scheduler.nextStep() == nil)
    scheduler.add(10, tokens: tokens(6, from: 10))
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [10])
    #expect(scheduler.nextStep() == nil)

    scheduler = decoding(8, tokens: 4)
    scheduler.add(9, tokens: tokens(60, from: 9))
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [9])
    #expect(scheduler.nextStep() == nil)
  }

  @Test("decodes whose prompts came in a step too many find together again")
  func together() {
    var scheduler = scheduler(steps: 2, tokens: 4, blocks: 40)
    for id in 1...6 as ClosedRange<SequenceID> { scheduler.add(id, tokens: tokens(2, from: id)) }
    var flight: [StepPlan] = []
    var decodes: [Int] = []
    for _ in 0..<9 {
      while let plan = scheduler.nextStep() { flight.append(plan) }
      let plan = flight.removeFirst()
      decodes.append(plan.spans.count { $0.count == 1 })
      _ = scheduler.complete(plan.number)
      for span in plan.spans { scheduler.append(7, to: span.sequence) }
    }
    #expect(decodes == [0, 0, 0, 2, 2, 3, 3, 3, 3])
  }

  @Test("a sequence waits until there are blocks for what is known of it")
  func admission() {
    var scheduler = scheduler(steps: 4, tokens: 100, blocks: 4)
    scheduler.add(1, tokens: tokens(10))
    scheduler.add(2, tokens: tokens(10, from: 50))
    let first = scheduler.nextStep()
    #expect(first?.spans.map(\.sequence) == [1])
    #expect(scheduler.nextStep() == nil)
    scheduler.remove(1)
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [2])
  }

  @Test("a step holds no more spans than allowed, of decodes and prompts together")
  func spans() {
    var scheduler = Scheduler(
      limits: SchedulerLimits(stepsInFlight: 1, stepTokens: 100, stepSpans: 3),
      pool: KVBlockPool(blockCount: 40, blockTokens: 4))
    for id in 1...5 as ClosedRange<SequenceID> { scheduler.add(id, tokens: tokens(2, from: id)) }
    let prefill = scheduler.nextStep()!
    #expect(prefill.spans.map(\.sequence) == [1, 2, 3])
    _ = scheduler.complete(prefill.number)
    for id in 1...2 as ClosedRange<SequenceID> { scheduler.append(7, to: id) }
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [1, 2, 4])
  }

  @Test("a result of a step that is not in flight is not taken")
  func unknownStep() {
    var scheduler = scheduler(steps: 1, tokens: 4, blocks: 4)
    scheduler.add(1, tokens: tokens(3))
    let number = scheduler.nextStep()!.number
    let taken = [number + 1, number, number].map { scheduler.complete($0) }
    #expect(taken == [false, true, false])
  }

  @Test("when blocks run out the last comer gives way, and goes on later from all its tokens")
  func preemption() {
    var scheduler = scheduler(steps: 1, tokens: 100, blocks: 5)
    scheduler.add(1, tokens: tokens(8))
    scheduler.add(2, tokens: tokens(4, from: 50))
    _ = step(&scheduler)
    // Both have a token more: the first takes the one block that is left.
    #expect(step(&scheduler) == [1, 2])
    for _ in 0..<3 { #expect(step(&scheduler) == [1, 2]) }
    #expect(step(&scheduler) == [1] && scheduler.preemptions == 1)
    scheduler.remove(1)
    let again = scheduler.nextStep()
    let span = again?.spans.first
    // The block of its prompt is still there.
    #expect(span?.sequence == 2 && span?.firstPosition == 4)
    #expect(span?.tokens == [7, 7, 7, 7, 7] && span?.samples == true)
    #expect(scheduler.cachedTokens(2) == 0)
  }

  @Test("users take turns, however many questions one of them asks")
  func fairness() {
    var scheduler = scheduler(steps: 1, tokens: 8, blocks: 200)
    for id in 1...20 as ClosedRange<SequenceID> {
      scheduler.add(id, user: "many", tokens: tokens(16, from: id * 100))
    }
    scheduler.add(21, user: "few", tokens: tokens(16, from: 9000))
    var order: [SequenceID] = []
    for _ in 0..<5 { order += step(&scheduler, answers: false) }
    #expect(order.contains(21))
    #expect(order.prefix(4).contains(21), "\(order)")
  }

  @Test("a sequence whose images are missing is passed over, and said to need them")
  func imageless() {
    var scheduler = scheduler(steps: 1, tokens: 100, blocks: 10)
    let image = SequenceImage(digest: digest(1), positions: 1..<9)
    scheduler.add(1, tokens: tokens(10), images: [image])
    scheduler.add(2, tokens: tokens(3, from: 40))
    #expect(scheduler.missingImages(1) == [image])
    #expect(step(&scheduler) == [2])
    #expect(scheduler.takeImageless() == [1] && scheduler.takeImageless() == [])
    scheduler.setReady(true, images: { $0 == image }, of: 1)
    #expect(step(&scheduler) == [2, 1])
  }

  @Test("prefill is cut to the time that a step may take, and goes on beside any number of decodes")
  func stepTime() {
    var scheduler = scheduler(steps: 1, tokens: 512, blocks: 900, seconds: 0.1, predicted: 0.02)
    scheduler.add(1, tokens: tokens(3000))
    var largest = 0.0
    for _ in 0..<12 {
      let plan = scheduler.nextStep()!
      let seconds = 0.02 + Double(plan.rows) * 0.001 + Double(plan.attended) * 0.000_000_7
      largest = max(largest, seconds)
      _ = scheduler.complete(plan.number, seconds: seconds)
    }
    #expect(largest <= 0.1 && largest > 0.08)
  }

  @Test("brief prompts go before a long one, and never keep it from its end")
  func briefFirst() {
    var scheduler = scheduler(steps: 1, tokens: 32, blocks: 900, seconds: 0.01, predicted: 0.01)
    scheduler.add(1, tokens: tokens(400))
    var (last, steps, overtook): (SequenceID, Int, Bool) = (1, 0, false)
    while scheduler.runningCount > 0 || scheduler.waitingCount > 0, steps < 2000 {
      steps += 1
      last += 1
      scheduler.add(last, tokens: tokens(8, from: 1000 * last))
      guard let plan = scheduler.nextStep() else { continue }
      _ = scheduler.complete(plan.number, seconds: 0.01)
      if plan.spans.first?.sequence ?? 1 > 1, scheduler.prefilling.contains(1) { overtook = true }
      for span in plan.spans where span.samples {
        if span.sequence == 1 {
          #expect(overtook)
          return
        }
        scheduler.append(7, to: span.sequence)
        scheduler.remove(span.sequence)
      }
    }
    Issue.record("the long prompt did not come to its end in \(steps) steps")
  }

  private func digest(_ number: UInt8) -> ContentDigest {
    ContentDigest(
      fileDigest: Array(repeating: number, count: 32),
      geometry: WireImageGeometry(
        fit: .stretch, originalWidth: 9, originalHeight: 9, side: 9, shortestEdge: 9),
      encoder: Array(repeating: 0, count: 32))
  }

  private func tokens(_ count: Int, from first: SequenceID = 0) -> [Int32] {
    (0..<count).map { Int32(first) + Int32($0) }
  }

  private func scheduler(
    steps: Int, tokens: Int, blocks: Int, seconds: Double = .infinity, predicted: Double = 0.001
  ) -> Scheduler {
    Scheduler(
      limits: SchedulerLimits(
        stepsInFlight: steps, stepTokens: tokens, stepSeconds: seconds,
        predictedSeconds: predicted),
      pool: KVBlockPool(blockCount: blocks, blockTokens: 4))
  }

  /// One step through the pipeline; who samples gets a 7. Returns the sequences in it.
  private func step(_ scheduler: inout Scheduler, answers: Bool = true) -> [SequenceID] {
    guard let plan = scheduler.nextStep() else { return [] }
    _ = scheduler.complete(plan.number)
    if answers {
      for span in plan.spans where span.samples { scheduler.append(7, to: span.sequence) }
    }
    return plan.spans.map(\.sequence)
  }
}
