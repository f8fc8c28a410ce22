/// What the machine can do at best, measured.

internal import CKernels

/// The limits that kernels are measured against, on a team's threads together.
public struct MachineLimits: Sendable, Equatable {
  /// Bytes a second that can be read from memory, in order.
  public let readBandwidth: Double
  /// Floating-point operations a second of fused multiply-adds in f32, two each, without memory.
  public let multiplyAddRate: Double

  public init(readBandwidth: Double, multiplyAddRate: Double) {
    self.readBandwidth = readBandwidth
    self.multiplyAddRate = multiplyAddRate
  }

  /// Measures both: the best of `repetitions`, since whatever disturbs makes them smaller. Takes a
  /// few tenths of a second.
  ///
  /// Reads `bytes` of memory, which should be far more than caches hold. Throws `.outOfMemory`.
  public static func measured(
    on team: ThreadTeam, bytes: Int = 512 << 20, repetitions: Int = 10
  ) throws(ComputeError) -> MachineLimits {
    precondition(bytes > 0 && repetitions > 0)
    let memory = try writtenMemory(max(block, bytes / block * block), team)
    let clock = ContinuousClock()
    var (reading, computing) = (Duration.seconds(1 << 30), Duration.seconds(1 << 30))
    for _ in 0..<repetitions {
      reading = min(reading, clock.measure { read(memory, team) })
      computing = min(computing, clock.measure { multiplyAdd(team) })
    }
    // Operations do not depend on the time they take.
    var operations: UInt64 = 0
    _ = ck_multiply_add(1, &operations)
    let total = Double(operations) * Double(rounds * bursts * team.threads)
    return MachineLimits(
      readBandwidth: Double(memory.count) / seconds(reading),
      multiplyAddRate: total / seconds(computing))
  }

  private static func seconds(_ duration: Duration) -> Double {
    max(1e-9, duration / .seconds(1))
  }

  private static func writtenMemory(
    _ count: Int, _ team: ThreadTeam
  ) throws(ComputeError) -> ReadOnlyMemory {
    try ReadOnlyMemory(count: count) { target in
      guard let base = target.baseAddress else { return }
      team.share(count, grain: block, with: base) { base, range, _ in
        (base + range.lowerBound).initializeMemory(as: UInt8.self, repeating: 1, count: range.count)
      }
    }
  }

  private static func read(_ memory: ReadOnlyMemory, _ team: ThreadTeam) {
    team.share(memory.count, grain: block, with: memory.base) { base, range, _ in
      _ = ck_read_bytes(base + range.lowerBound, range.count)
    }
  }

  private static func multiplyAdd(_ team: ThreadTeam) {
    team.share(bursts * team.threads, with: ()) { _, range, _ in
      var operations: UInt64 = 0
      for _ in range { _ = ck_multiply_add(rounds, &operations) }
    }
  }

  /// Bytes that a thread reads at once.
  private static let block = 1 << 20
  /// Multiply-adds of one chunk, in rounds: some hundred microseconds.
  private static let rounds = 100_000
  /// Chunks for each thread.
  private static let bursts = 40
}
