/// The scheduler: every token once and in order, fairly, within its bounds.

import Testing

@testable import Coordinator

@Suite("scheduler")
struct SchedulerTests {
  @Test(
    "whatever the order of events, every sequence is computed once, in order, in its own blocks")
  func simulation() {
    for seed in 0..<60 as Range<UInt64> { simulate(seed: seed) }
  }

  @Test("chunks of one prompt fill the pipeline without waiting for a result")
  func chunksInFlight() {
    var scheduler = scheduler(steps: 3, tokens: 4, blocks: 10)
    scheduler.add(1, promptTokens: 10, newTokensMax: 5)
    let steps = [scheduler.nextStep(), scheduler.nextStep(), scheduler.nextStep()]
    #expect(steps.map { $0?.spans.first?.firstPosition } == [0, 4, 8])
    #expect(steps.map { $0?.spans.first?.samples } == [false, false, true])
    #expect(scheduler.nextStep() == nil)
  }

  @Test("decodes are spread over the steps in flight and prefill takes the rest of each")
  func spread() {
    var scheduler = scheduler(steps: 2, tokens: 8, blocks: 40)
    for id in 1...4 as ClosedRange<SequenceID> {
      scheduler.add(id, promptTokens: 2, newTokensMax: 9)
    }
    let prefill = scheduler.nextStep()!
    #expect(prefill.spans.map(\.count) == [2, 2, 2, 2])
    let known = scheduler.complete(prefill.number)
    #expect(known)
    for id in 1...4 as ClosedRange<SequenceID> { scheduler.resume(id, at: 2) }
    scheduler.add(9, promptTokens: 20, newTokensMax: 1)
    let (first, second) = (scheduler.nextStep()!, scheduler.nextStep()!)
    #expect(first.spans.map(\.sequence) == [1, 2, 9])
    #expect(first.spans.map(\.count) == [1, 1, 6])
    #expect(second.spans.map(\.sequence) == [3, 4, 9])
  }

  @Test("a sequence waits until its blocks are free and is then admitted")
  func admission() {
    var scheduler = scheduler(steps: 4, tokens: 100, blocks: 4)
    scheduler.add(1, promptTokens: 10, newTokensMax: 2)
    scheduler.add(2, promptTokens: 10, newTokensMax: 2)
    let first = scheduler.nextStep()
    #expect(first?.spans.map(\.sequence) == [1])
    #expect(scheduler.nextStep() == nil)
    scheduler.remove(1)
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [2])
    #expect(scheduler.freeBlocks == 1)
  }

  @Test("a step holds no more spans than allowed, of decodes and prompts together")
  func spans() {
    var scheduler = Scheduler(
      limits: SchedulerLimits(stepsInFlight: 1, stepTokens: 100, stepSpans: 3),
      pool: KVBlockPool(blockCount: 40, blockTokens: 4))
    for id in 1...5 as ClosedRange<SequenceID> {
      scheduler.add(id, promptTokens: 2, newTokensMax: 9)
    }
    let prefill = scheduler.nextStep()!
    #expect(prefill.spans.map(\.sequence) == [1, 2, 3])
    _ = scheduler.complete(prefill.number)
    for id in 1...2 as ClosedRange<SequenceID> { scheduler.resume(id, at: 2) }
    #expect(scheduler.nextStep()?.spans.map(\.sequence) == [1, 2, 4])
  }

  @Test("a result of a step that is not in flight is not taken")
  func unknownStep() {
    var scheduler = scheduler(steps: 1, tokens: 4, blocks: 4)
    scheduler.add(1, promptTokens: 3, newTokensMax: 1)
    let number = scheduler.nextStep()!.number
    let taken = [number + 1, number, number].map { scheduler.complete($0) }
    #expect(taken == [false, true, false])
  }

  private func scheduler(steps: Int, tokens: Int, blocks: Int) -> Scheduler {
    Scheduler(
      limits: SchedulerLimits(stepsInFlight: steps, stepTokens: tokens),
      pool: KVBlockPool(blockCount: blocks, blockTokens: 4))
  }

  private func simulate(seed: UInt64) {
    var random = SplitMix(state: seed)
    let stepTokens = Int.random(in: 1...20, using: &random)
    var scheduler = scheduler(
      steps: Int.random(in: 1...4, using: &random), tokens: stepTokens, blocks: 12)
    let lengths = (0..<8).map { _ in
      (Int.random(in: 1...20, using: &random), Int.random(in: 1...10, using: &random))
    }
    var (computed, owners) = ([SequenceID: Int](), [Int: SequenceID]())
    var (flight, pending) = ([StepPlan](), Array(lengths.indices))
    var finished: Set<SequenceID> = []
    var turns = 0
    while finished.count < lengths.count, turns < 10_000 {
      turns += 1
      if let next = pending.first, Bool.random(using: &random) {
        pending.removeFirst()
        scheduler.add(
          SequenceID(next), promptTokens: lengths[next].0, newTokensMax: lengths[next].1)
      }
      if let step = scheduler.nextStep() {
        #expect(step.spans.reduce(0) { $0 + $1.count } <= stepTokens)
        #expect(Set(step.spans.map(\.sequence)).count == step.spans.count)
        for span in step.spans {
          #expect(span.firstPosition == computed[span.sequence, default: 0])
          computed[span.sequence, default: 0] += span.count
          #expect(span.blocks.count * 4 >= computed[span.sequence]!)
          for block in span.blocks {
            let owner = owners[block]
            #expect(owner == nil || owner == span.sequence || finished.contains(owner!))
            owners[block] = span.sequence
          }
        }
        flight.append(step)
        #expect(flight.count <= scheduler.limits.stepsInFlight)
      } else if !flight.isEmpty {
        let step = flight.removeFirst()
        let known = scheduler.complete(step.number)
        #expect(known)
        for span in step.spans where span.samples {
          let (prompt, new) = lengths[Int(span.sequence)]
          let position = computed[span.sequence]!
          #expect(position >= prompt)
          if position - prompt + 1 == new {
            scheduler.remove(span.sequence)
            finished.insert(span.sequence)
          } else {
            scheduler.resume(span.sequence, at: position)
          }
        }
      }
    }
    #expect(finished.count == lengths.count)
    #expect(scheduler.freeBlocks == 12 && flight.isEmpty)
  }
}
