/// Resizing, bit for bit as Pillow's `Image.resize` on 8-bit pictures.
extension PixelImage {
  /// The picture resized to `size`, antialiased when shrinking (except for `nearest`).
  ///
  /// Throws `invalidPlacement` for a size that is not positive or exceeds ``ImageLimits/standard``.
  public func resized(
    to size: (width: Int, height: Int), using resampling: Resampling
  ) throws(ImagingError) -> PixelImage {
    try checkSize(size)
    if size == (width, height) { return self }
    return ResamplingCanvas(self).resized(
      to: size, using: resampling, columns: 0..<size.width, rows: 0..<size.height)
  }
}
