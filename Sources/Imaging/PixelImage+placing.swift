/// Padding and cropping: both copy a rectangle onto a plain one.
extension PixelImage {
  /// The picture at `(x, y)` of a larger canvas that is otherwise `fill`.
  ///
  /// Throws `invalidPlacement` where the canvas does not hold the whole picture, or exceeds
  /// ``ImageLimits/standard``.
  public func padded(
    to size: (width: Int, height: Int), at origin: (x: Int, y: Int), fill: PixelColour
  ) throws(ImagingError) -> PixelImage {
    guard origin.x >= 0, origin.y >= 0, size.width >= width, size.height >= height,
      origin.x <= size.width - width, origin.y <= size.height - height
    else {
      throw ImagingError(
        .invalidPlacement,
        "a canvas of \(size.width)×\(size.height) does not hold a picture of \(width)×\(height) "
          + "at (\(origin.x), \(origin.y))")
    }
    try checkSize(size)
    return copied(to: size, at: origin, fill: fill)
  }

  /// The rectangle of `size` whose top left is at `(x, y)`; black where it lies outside the
  /// picture, as Hugging Face's `center_crop` pads. The offsets may be negative.
  ///
  /// Throws `invalidPlacement` for a size that is not positive or exceeds
  /// ``ImageLimits/standard``.
  public func cropped(
    at origin: (x: Int, y: Int), to size: (width: Int, height: Int)
  ) throws(ImagingError) -> PixelImage {
    try checkSize(size)
    guard origin.x != .min, origin.y != .min else {
      throw ImagingError(.invalidPlacement, "a crop cannot begin at (\(origin.x), \(origin.y))")
    }
    if origin == (0, 0), size == (width, height) { return self }
    return copied(to: size, at: (-origin.x, -origin.y), fill: .black)
  }

  private func copied(
    to size: (width: Int, height: Int), at origin: (x: Int, y: Int), fill: PixelColour
  ) -> PixelImage {
    let rowLength = size.width * 3
    var pixels = [UInt8](repeating: fill.red, count: rowLength * size.height)
    // The columns and rows of the target that the picture covers. `origin` may lie far outside.
    let columns = covered(origin.x, width, size.width)
    let rows = covered(origin.y, height, size.height)
    pixels.withUnsafeMutableBufferPointer { target in
      if fill.green != fill.red || fill.blue != fill.red {
        for offset in stride(from: 0, to: target.count, by: 3) {
          target[offset + 1] = fill.green
          target[offset + 2] = fill.blue
        }
      }
      guard !columns.isEmpty else { return }
      rgb.withUnsafeBufferPointer { source in
        for y in rows {
          let from = ((y - origin.y) * width + columns.lowerBound - origin.x) * 3
          let to = y * rowLength + columns.lowerBound * 3
          (target.baseAddress! + to).update(
            from: source.baseAddress! + from, count: columns.count * 3)
        }
      }
    }
    return PixelImage(width: size.width, height: size.height, rgb: pixels)
  }

  private func covered(_ origin: Int, _ length: Int, _ target: Int) -> Range<Int> {
    guard origin < target, origin > -length else { return 0..<0 }
    return max(origin, 0)..<min(origin + length, target)
  }
}

/// Throws `invalidPlacement` unless a picture of this size may be made.
func checkSize(_ size: (width: Int, height: Int)) throws(ImagingError) {
  let (pixelsMax, sideMax) = (ImageLimits.standard.pixelsMax, ImageLimits.standard.sideMax)
  guard (1...sideMax).contains(size.width), (1...sideMax).contains(size.height),
    size.width * size.height <= pixelsMax
  else {
    throw ImagingError(
      .invalidPlacement,
      "a picture of \(size.width)×\(size.height) cannot be made: it needs at least one pixel, "
        + "at most \(pixelsMax), and sides of at most \(sideMax)")
  }
}
