/// Weighted sums of pixels. 32 bits hold every sum: weights add up to 2²² and overshoot little.
extension ResamplingWeights {
  /// Half a level, so that clipping rounds.
  static var half: Int32 { 1 << (precisionBits - 1) }

  /// A row of pixels `[sourceWidth, 3]` to `[targets, 3]`.
  func apply(alongRow row: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<UInt8>) {
    weights.withUnsafeBufferPointer { weights in
      var weight = weights.baseAddress!
      var target = output
      for index in 0..<starts.count {
        Self.sum(row + starts[index] * 3, weight, count: counts[index], into: target)
        weight += stride
        target += 3
      }
    }
  }

  @inline(__always)
  private static func sum(
    _ source: UnsafePointer<UInt8>, _ weights: UnsafePointer<Int32>, count: Int,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var (red, green, blue) = (half, half, half)
    var pixel = source
    for index in 0..<count {
      let weight = weights[index]
      red &+= Int32(pixel[0]) &* weight
      green &+= Int32(pixel[1]) &* weight
      blue &+= Int32(pixel[2]) &* weight
      pixel += 3
    }
    target[0] = clipped(red)
    target[1] = clipped(green)
    target[2] = clipped(blue)
  }

  /// Adds a row of bytes, each times `weight`, to as many sums.
  static func add(
    _ row: UnsafePointer<UInt8>, times weight: Int32, to sums: UnsafeMutableBufferPointer<Int32>
  ) {
    for index in 0..<sums.count { sums[index] &+= Int32(row[index]) &* weight }
  }

  static func clip(
    _ sums: UnsafeMutableBufferPointer<Int32>, into target: UnsafeMutablePointer<UInt8>
  ) {
    for index in 0..<sums.count { target[index] = clipped(sums[index]) }
  }

  /// One sum, back in 0…255.
  @inline(__always)
  private static func clipped(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: min(max(sum >> precisionBits, 0), 255))
  }
}
