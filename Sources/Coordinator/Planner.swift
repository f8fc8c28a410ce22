/// Splits the decoder layers over workers so that the slowest stage is as fast as can be.
///
/// Exact for up to twelve workers: no contiguous split of the layers over any choice and order of
/// them has a faster slowest stage. More workers are taken in the order of their speed.

/// What a decoder layer costs. The first layer's share includes the embedding and the projector,
/// the last one's the final norm and the head.
public struct LayerCost: Sendable, Equatable {
  /// Bytes of weights read for one token.
  public var workBytes: Int
  /// Bytes that the layer takes: its weights and its KV blocks.
  public var memoryBytes: Int

  public init(workBytes: Int, memoryBytes: Int) {
    self.workBytes = workBytes
    self.memoryBytes = memoryBytes
  }
}

/// What a decoder worker has to offer.
public struct WorkerCapacity: Sendable, Equatable {
  /// Bytes of weights multiplied a second, as measured by the worker.
  public var bytesPerSecond: Int
  /// Bytes that it may fill.
  public var memoryBytes: Int

  public init(bytesPerSecond: Int, memoryBytes: Int) {
    self.bytesPerSecond = bytesPerSecond
    self.memoryBytes = memoryBytes
  }
}

/// Which worker holds which layers.
public struct Plan: Sendable, Equatable {
  public struct Stage: Sendable, Equatable {
    /// Index into the workers that were planned for.
    public let worker: Int
    public let layers: Range<Int>
    /// Predicted time of one token at this stage, in seconds.
    public let seconds: Double
  }

  /// In the order of the pipeline.
  public let stages: [Stage]

  /// Predicted time of the slowest stage, in seconds.
  public var stepSeconds: Double { stages.reduce(0) { max($0, $1.seconds) } }
}

public enum Planner {
  /// Workers of which every order is tried; more are taken in the order of their speed.
  static let permutedWorkersMax = 12

  /// The best plan of at most `stagesMax` stages. Of equally fast ones the one with the fewest; some
  /// workers may get nothing.
  ///
  /// Throws `.noRoom` if the layers do not fit into the workers' memory.
  public static func plan(
    layers: [LayerCost], workers: [WorkerCapacity], stagesMax: Int = .max
  ) throws(CoordinatorError) -> Plan {
    precondition(!layers.isEmpty && workers.allSatisfy { $0.bytesPerSecond > 0 })
    let search = Search(layers: layers, workers: workers, stagesMax: stagesMax)
    guard var best = search.stages(within: .infinity) else {
      let needed = layers.reduce(0) { $0 + $1.memoryBytes }
      let offered = workers.reduce(0) { $0 + $1.memoryBytes }
      throw CoordinatorError(
        .noRoom,
        "the layers need \(needed >> 20) MiB; \(workers.count) workers offer \(offered >> 20) MiB",
        remedy: "Start more workers, give them more memory, or ask for fewer KV tokens")
    }
    // The step time of a plan is the work of some run of layers on some worker: search those.
    let times = search.candidateTimes
    var (low, high) = (0, times.count - 1)
    while low <= high {
      let middle = (low + high) / 2
      if let stages = search.stages(within: times[middle]) {
        best = stages
        high = middle - 1
      } else {
        low = middle + 1
      }
    }
    return Plan(stages: best)
  }

  /// The split that stands, with others in the places of those that are gone (nil in `holders`): the
  /// fastest first. Nil if somebody cannot hold what would be his, or too few are left.
  static func replacing(
    _ holders: [(worker: Int?, layers: Range<Int>)], layers: [LayerCost],
    workers: [WorkerCapacity]
  ) -> Plan? {
    let search = Search(layers: layers, workers: workers, stagesMax: .max)
    let placed = Set(holders.compactMap(\.worker))
    var free = workers.indices.filter { !placed.contains($0) }.sorted {
      (workers[$0].bytesPerSecond, $1) > (workers[$1].bytesPerSecond, $0)
    }
    var stages: [Plan.Stage] = []
    for holder in holders {
      let chosen =
        holder.worker ?? free.first { search.holds(holder.layers, on: $0, within: .infinity) }
      guard let chosen, search.holds(holder.layers, on: chosen, within: .infinity) else {
        return nil
      }
      free.removeAll { $0 == chosen }
      stages.append(
        Plan.Stage(
          worker: chosen, layers: holder.layers,
          seconds: search.seconds(holder.layers, on: chosen)))
    }
    return Plan(stages: stages)
  }
}

/// For a given time, how far each choice of workers reaches.
private struct Search {
  let workers: [WorkerCapacity]
  /// Sums of work and memory of the layers before each layer.
  let work: [Int]
  let memory: [Int]
  let stagesMax: Int

  init(layers: [LayerCost], workers: [WorkerCapacity], stagesMax: Int) {
    self.workers = workers
    self.stagesMax = stagesMax
    work = layers.reduce(into: [0]) { $0.append($0.last! + $1.workBytes) }
    memory = layers.reduce(into: [0]) { $0.append($0.last! + $1.memoryBytes) }
  }

  var layerCount: Int { work.count - 1 }

  func seconds(_ range: Range<Int>, on worker: Int) -> Double {
    Double(work[range.upperBound] - work[range.lowerBound]) / Double(workers[worker].bytesPerSecond)
  }

  /// Every time that some run of layers takes on some worker, ascending.
  var candidateTimes: [Double] {
    var times: Set<Double> = []
    for worker in workers.indices {
      for first in 0..<layerCount {
        for end in first + 1...layerCount { times.insert(seconds(first..<end, on: worker)) }
      }
    }
    return times.sorted()
  }

  /// Whether a worker can hold these layers and compute them within `limit`.
  func holds(_ range: Range<Int>, on worker: Int, within limit: Double) -> Bool {
    memory[range.upperBound] - memory[range.lowerBound] <= workers[worker].memoryBytes
      && seconds(range, on: worker) <= limit
  }

  /// The end of the longest run from `first` that a worker can hold and compute within `limit`.
  ///
  /// The longest is never worse than a shorter one: whoever comes next starts further on.
  func reach(from first: Int, on worker: Int, within limit: Double) -> Int {
    var (low, high) = (first, layerCount)
    while low < high {
      let middle = (low + high + 1) / 2
      let fits = holds(first..<middle, on: worker, within: limit)
      if fits { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Stages that hold all layers within `limit` a stage, as few as possible; nil if there are none.
  func stages(within limit: Double) -> [Plan.Stage]? {
    workers.count <= Planner.permutedWorkersMax
      ? stagesInAnyOrder(within: limit) : stagesBySpeed(within: limit)
  }

  private func stagesInAnyOrder(within limit: Double) -> [Plan.Stage]? {
    // reached[set] is the longest prefix of layers that this set of workers can hold, in its best
    // order; last[set] is the worker that comes last in it.
    let sets = 1 << workers.count
    var reached = [Int](repeating: 0, count: sets)
    var last = [Int](repeating: 0, count: sets)
    var best: Int?
    for set in 1..<sets {
      // Later workers last, so that equal workers stand in the order in which they joined.
      for worker in workers.indices.reversed() where set & (1 << worker) != 0 {
        let end = reach(from: reached[set & ~(1 << worker)], on: worker, within: limit)
        if end > reached[set] { (reached[set], last[set]) = (end, worker) }
      }
      let count = set.nonzeroBitCount
      if reached[set] == layerCount, count <= stagesMax, count < best?.nonzeroBitCount ?? .max {
        best = set
      }
    }
    guard var set = best else { return nil }
    var order: [Int] = []
    while set != 0 {
      order.append(last[set])
      set &= ~(1 << last[set])
    }
    return stages(order.reversed(), within: limit)
  }

  private func stagesBySpeed(within limit: Double) -> [Plan.Stage]? {
    let order = workers.indices.sorted {
      (workers[$0].bytesPerSecond, $1) > (workers[$1].bytesPerSecond, $0)
    }
    return stages(order, within: limit)
  }

  private func stages(_ order: [Int], within limit: Double) -> [Plan.Stage]? {
    var stages: [Plan.Stage] = []
    var first = 0
    for worker in order where first < layerCount && stages.count < stagesMax {
      let end = reach(from: first, on: worker, within: limit)
      guard end > first else { continue }
      let layers = first..<end
      stages.append(
        Plan.Stage(worker: worker, layers: layers, seconds: seconds(layers, on: worker)))
      first = end
    }
    return first == layerCount ? stages : nil
  }
}
