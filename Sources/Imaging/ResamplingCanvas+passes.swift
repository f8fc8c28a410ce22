/// The two passes of a resize, in Pillow's 32-bit fixed-point arithmetic.
extension ResamplingCanvas {
  /// One pass along the canvas's rows `wanted`. `[wanted, targets, 3]`
  func filteredAlongRows(_ weights: ResamplingWeights, rows wanted: Range<Int>) -> PixelImage {
    let targets = weights.starts.count
    let length = targets * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: length * wanted.count) { output, count in
      withRows { row in
        // Rows beside the picture are all alike.
        var plain: UnsafeMutablePointer<UInt8>?
        for (index, y) in wanted.enumerated() {
          let target = output.baseAddress! + index * length
          let isPlain = !rows.contains(y)
          if isPlain, let plain {
            target.update(from: plain, count: length)
            continue
          }
          weights.apply(alongRow: row(y), into: target)
          if isPlain { plain = target }
        }
      }
      count = length * wanted.count
    }
    return PixelImage(width: targets, height: wanted.count, rgb: pixels)
  }

  /// One pass down the canvas's columns `wanted`. `[targets, wanted, 3]`
  func filteredDownColumns(_ weights: ResamplingWeights, columns wanted: Range<Int>) -> PixelImage {
    let targets = weights.starts.count
    let length = wanted.count * 3
    var sums = [Int32](repeating: 0, count: length)
    let pixels = [UInt8](unsafeUninitializedCapacity: length * targets) { output, count in
      sums.withUnsafeMutableBufferPointer { sums in
        withRows { row in
          for target in 0..<targets {
            sums.update(repeating: ResamplingWeights.half)
            let start = weights.starts[target]
            for index in 0..<weights.counts[target] {
              ResamplingWeights.add(
                row(start + index) + wanted.lowerBound * 3,
                times: weights.weights[target * weights.stride + index], to: sums)
            }
            ResamplingWeights.clip(sums, into: output.baseAddress! + target * length)
          }
        }
      }
      count = length * targets
    }
    return PixelImage(width: wanted.count, height: targets, rgb: pixels)
  }

  /// Calls `body` with access to the canvas's rows, `[width, 3]` each, by number. A row is good
  /// until the next is asked for.
  private func withRows(_ body: ((Int) -> UnsafePointer<UInt8>) -> Void) {
    let hasPadding = image.width != width || image.height != height
    var plain: [UInt8] = []
    if hasPadding {
      plain.reserveCapacity(width * 3)
      for _ in 0..<width { plain += [fill.red, fill.green, fill.blue] }
    }
    var padded = plain
    let rowLength = image.width * 3
    image.rgb.withUnsafeBufferPointer { pixels in
      plain.withUnsafeBufferPointer { plain in
        padded.withUnsafeMutableBufferPointer { padded in
          body { y in
            guard rows.contains(y) else { return plain.baseAddress! }
            let row = pixels.baseAddress! + (y - rows.lowerBound) * rowLength
            if image.width == width { return row }
            (padded.baseAddress! + columns.lowerBound * 3).update(from: row, count: rowLength)
            return UnsafePointer(padded.baseAddress!)
          }
        }
      }
    }
  }
}
