/// What each target position takes from the source along one axis, as Pillow's `precompute_coeffs`
/// and `normalize_coeffs_8bpc` compute it: weights are fixed-point numbers of 22 fractional bits.
struct ResamplingWeights {
  /// 32 bits, less 8 for the pixel and 2 for filters that overshoot.
  static let precisionBits: Int32 = 22

  /// First source position of each target position. `[targets]`
  private(set) var starts: [Int] = []
  /// How many source positions each takes. `[targets]`
  private(set) var counts: [Int] = []
  /// `[targets, stride]`, zero behind each count.
  private(set) var weights: [Int32] = []
  let stride: Int

  /// Weights for the positions `targets` of an axis of `source` pixels resized to `target`.
  init(from source: Int, to target: Int, targets: Range<Int>, using filter: Resampling) {
    let scale = Double(source) / Double(target)
    let filterScale = max(scale, 1)
    let support = filter.support * filterScale
    let inverse = 1 / filterScale
    stride = Int(support.rounded(.up)) * 2 + 1
    starts.reserveCapacity(targets.count)
    counts.reserveCapacity(targets.count)
    weights.reserveCapacity(targets.count * stride)

    var row = [Double](repeating: 0, count: stride)
    for position in targets {
      let centre = (Double(position) + 0.5) * scale
      let start = max(Int(centre - support + 0.5), 0)
      let count = min(Int(centre + support + 0.5), source) - start
      var sum = 0.0
      for index in 0..<count {
        row[index] = filter.weight(at: (Double(index + start) - centre + 0.5) * inverse)
        sum += row[index]
      }
      starts.append(start)
      counts.append(count)
      for index in 0..<stride {
        let weight = index < count ? (sum != 0 ? row[index] / sum : row[index]) : 0
        weights.append(Self.fixedPoint(weight))
      }
    }
  }

  private static func fixedPoint(_ weight: Double) -> Int32 {
    let scaled = weight * Double(1 << precisionBits)
    return Int32(scaled + (scaled < 0 ? -0.5 : 0.5))
  }

  /// The source positions that any target takes from.
  var sourceRange: Range<Int> {
    guard let first = starts.min(), let last = zip(starts, counts).map(+).max() else {
      return 0..<0
    }
    return first..<last
  }

  /// The same weights for an axis that begins at the first position of ``sourceRange``.
  var rebased: ResamplingWeights {
    var weights = self
    let first = sourceRange.lowerBound
    weights.starts = starts.map { $0 - first }
    return weights
  }
}
