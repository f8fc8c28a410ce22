/// The split of layers over workers, against exhaustive search.

import Testing

@testable import Coordinator

@Suite("planner")
struct PlannerTests {
  @Test("no split in any order of any workers is faster")
  func exhaustive() throws {
    var random = SplitMix(state: 1)
    for _ in 0..<150 {
      let layers = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        LayerCost(
          workBytes: Int.random(in: 1...9, using: &random) * 100,
          memoryBytes: Int.random(in: 1...5, using: &random))
      }
      let workers = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        WorkerCapacity(
          bytesPerSecond: Int.random(in: 1...5, using: &random) * 100,
          memoryBytes: Int.random(in: 2...14, using: &random))
      }
      let best = exhaustiveBest(layers[...], workers, Set(workers.indices))
      if best.isInfinite {
        #expect(throws: CoordinatorError.self) {
          try Planner.plan(layers: layers, workers: workers)
        }
      } else {
        let plan = try Planner.plan(layers: layers, workers: workers)
        #expect(abs(plan.stepSeconds - best) < 1e-9)
        check(plan, layers, workers)
      }
    }
  }

  @Test("equal workers get equal layers in the order in which they joined")
  func even() throws {
    let layers = [LayerCost](repeating: LayerCost(workBytes: 10, memoryBytes: 1), count: 8)
    let workers = [WorkerCapacity](
      repeating: WorkerCapacity(bytesPerSecond: 10, memoryBytes: 100), count: 4)
    let plan = try Planner.plan(layers: layers, workers: workers)
    #expect(plan.stages.map(\.layers) == [0..<2, 2..<4, 4..<6, 6..<8])
    #expect(plan.stages.map(\.worker) == [0, 1, 2, 3])
  }

  @Test("a worker that would only slow the pipeline down gets nothing")
  func slowWorker() throws {
    let layers = [LayerCost](repeating: LayerCost(workBytes: 100, memoryBytes: 1), count: 4)
    let workers = [1000, 1, 1000].map { WorkerCapacity(bytesPerSecond: $0, memoryBytes: 100) }
    let plan = try Planner.plan(layers: layers, workers: workers)
    #expect(plan.stages.map(\.worker) == [0, 2])
  }

  @Test("a heavy head moves layers away from the last stage")
  func heavyHead() throws {
    var layers = [LayerCost](repeating: LayerCost(workBytes: 10, memoryBytes: 1), count: 6)
    layers[5].workBytes = 30
    let workers = [WorkerCapacity](
      repeating: WorkerCapacity(bytesPerSecond: 10, memoryBytes: 100), count: 2)
    let plan = try Planner.plan(layers: layers, workers: workers)
    #expect(plan.stages.map(\.layers) == [0..<4, 4..<6])
  }

  @Test("memory forces a split that speed alone would not choose, and too little is said so")
  func memory() throws {
    let layers = [LayerCost](repeating: LayerCost(workBytes: 10, memoryBytes: 10), count: 4)
    let fast = WorkerCapacity(bytesPerSecond: 1_000_000, memoryBytes: 25)
    let slow = WorkerCapacity(bytesPerSecond: 1, memoryBytes: 25)
    let plan = try Planner.plan(layers: layers, workers: [fast, slow])
    #expect(plan.stages.map(\.layers.count).sorted() == [2, 2])
    #expect(throws: CoordinatorError.self) {
      try Planner.plan(layers: layers, workers: [fast])
    }
  }

  @Test("eighty layers over thirty workers are planned at once")
  func large() throws {
    let layers = [LayerCost](repeating: LayerCost(workBytes: 100, memoryBytes: 1), count: 80)
    let workers = (0..<30).map { WorkerCapacity(bytesPerSecond: 100 + $0, memoryBytes: 10) }
    let clock = ContinuousClock()
    let elapsed = try clock.measure {
      check(try Planner.plan(layers: layers, workers: workers), layers, workers)
    }
    #expect(elapsed < .seconds(10))
  }

  private func check(_ plan: Plan, _ layers: [LayerCost], _ workers: [WorkerCapacity]) {
    #expect(plan.stages.flatMap(\.layers) == Array(layers.indices))
    #expect(Set(plan.stages.map(\.worker)).count == plan.stages.count)
    for stage in plan.stages {
      let memory = layers[stage.layers].reduce(0) { $0 + $1.memoryBytes }
      #expect(memory <= workers[stage.worker].memoryBytes)
    }
  }

  private func exhaustiveBest(
    _ layers: ArraySlice<LayerCost>, _ workers: [WorkerCapacity], _ left: Set<Int>
  ) -> Double {
    if layers.isEmpty { return 0 }
    var best = Double.infinity
    for worker in left {
      for count in 1...layers.count {
        let mine = layers.prefix(count)
        guard mine.reduce(0, { $0 + $1.memoryBytes }) <= workers[worker].memoryBytes else { break }
        let seconds =
          Double(mine.reduce(0) { $0 + $1.workBytes }) / Double(workers[worker].bytesPerSecond)
        let rest = exhaustiveBest(layers.dropFirst(count), workers, left.subtracting([worker]))
        best = min(best, max(seconds, rest))
      }
    }
    return best
  }
}

/// A small seeded generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
