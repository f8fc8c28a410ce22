/// Weights made up in memory, for measuring.

/// Makes tensors of pseudo-random numbers, spread like those of a model that is about to be
/// trained: uniform with a standard deviation of 0.02.
///
/// The numbers repeat after a million, which no measurement notices, so that making them takes
/// hardly longer than writing them.
public struct RandomWeights: Sendable {
  public let format: WeightFormat
  private let pattern: [UInt8]

  public init(format: WeightFormat) {
    self.format = format
    var state: UInt64 = 1
    let numbers = (0..<Self.period).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) / Float(1 << 24) - 0.5) * 0.02 * Float(12).squareRoot()
    }
    pattern = [UInt8](unsafeUninitializedCapacity: Self.period * format.byteCount) { bytes, count in
      count = Self.period * format.byteCount
      if let base = bytes.baseAddress { format.narrow(numbers, count: Self.period, into: base) }
    }
  }

  /// A tensor, written by the whole team. Throws `.outOfMemory`.
  public func tensor(
    shape: [Int], on team: ThreadTeam = .single
  ) throws(ComputeError) -> StoredTensor {
    let count = shape.reduce(1, *) * format.byteCount
    let memory = try ReadOnlyMemory(count: count) { target in
      guard let base = target.baseAddress else { return }
      team.share(count, grain: pattern.count, with: (base, pattern)) { job, range, _ in
        let (base, pattern) = job
        for start in stride(from: range.lowerBound, to: range.upperBound, by: pattern.count) {
          pattern.withUnsafeBytes {
            let count = min(pattern.count, range.upperBound - start)
            (base + start).copyMemory(from: $0.baseAddress!, byteCount: count)
          }
        }
      }
    }
    return StoredTensor(shape: shape, format: format, memory: memory)
  }

  /// How many numbers there are before they repeat.
  private static let period = 1 << 20
}
