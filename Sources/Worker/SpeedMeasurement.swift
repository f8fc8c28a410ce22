/// How fast this machine multiplies weights, measured.

internal import Compute

enum SpeedMeasurement {
  /// Bytes of f32 weights multiplied by one row in a second, on the team's threads: the best of a
  /// few runs over more weights than caches hold. Takes about a tenth of a second.
  static func weightBytesPerSecond(_ team: ThreadTeam) -> Int {
    let (rows, columns) = (4096, 4096)
    let weights = StoredTensor(
      shape: [rows, columns], format: .f32,
      memory: ReadOnlyMemory(copying: [UInt8](repeating: 0, count: rows * columns * 4)))
    let input = Matrix(rows: 1, columns: columns)
    var output = Matrix()
    let clock = ContinuousClock()
    var best = Duration.seconds(1_000_000)
    for _ in 0..<4 {
      best = min(best, clock.measure { weights.multiply(input, into: &output, on: team) })
    }
    return max(1, Int(Double(weights.byteCount) / max(best.seconds, 1e-9)))
  }
}
