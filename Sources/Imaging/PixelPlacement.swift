/// How a picture comes into a vision encoder's square, in numbers: pad to a canvas, resize the
/// canvas, take a square of it. Computed elsewhere, so that regions can go the same way.
public struct PixelPlacement: Sendable, Equatable {
  /// The canvas, in pixels of the picture; at least the picture's size.
  public var canvasWidth: Int
  public var canvasHeight: Int
  /// Where the picture's top left lies on the canvas.
  public var canvasX: Int
  public var canvasY: Int
  /// The colour of the canvas beside the picture.
  public var padFill: PixelColour
  /// What the canvas is resized to. May be far larger than memory holds: only the square is
  /// computed.
  public var resizedWidth: Int
  public var resizedHeight: Int
  /// The square's top left in the resized canvas; negative where it begins outside. Outside is
  /// black.
  public var cropX: Int
  public var cropY: Int
  /// The square's side, in pixels.
  public var side: Int

  /// Longest side of a canvas before it is resized.
  public static let canvasSideMax = 65_535
  /// Longest side of a resized canvas.
  public static let resizedSideMax = 1 << 28
  /// Longest side of the square.
  public static let sideMax = 4096

  public init(
    canvasWidth: Int, canvasHeight: Int, canvasX: Int = 0, canvasY: Int = 0,
    padFill: PixelColour = .black, resizedWidth: Int, resizedHeight: Int,
    cropX: Int = 0, cropY: Int = 0, side: Int
  ) {
    self.canvasWidth = canvasWidth
    self.canvasHeight = canvasHeight
    self.canvasX = canvasX
    self.canvasY = canvasY
    self.padFill = padFill
    self.resizedWidth = resizedWidth
    self.resizedHeight = resizedHeight
    self.cropX = cropX
    self.cropY = cropY
    self.side = side
  }

  /// The encoder's input. `[3, side, side]`
  ///
  /// What the crop takes from outside is black *before* normalisation, as in Hugging Face's
  /// `CLIPImageProcessor`, so it becomes (0 − mean) / std.
  ///
  /// Throws `invalidPlacement` where the numbers do not fit the picture or the limits.
  public func pixelValues(
    of image: PixelImage, resampling: Resampling, normalization: PixelNormalization
  ) throws(ImagingError) -> [Float] {
    normalization.pixelValues(of: try square(of: image, resampling: resampling))
  }

  /// The same square as 8-bit pixels.
  public func square(
    of image: PixelImage, resampling: Resampling
  ) throws(ImagingError) -> PixelImage {
    let size = (resizedWidth, resizedHeight)
    guard (1...Self.sideMax).contains(side), (1...Self.resizedSideMax).contains(resizedWidth),
      (1...Self.resizedSideMax).contains(resizedHeight),
      cropX.magnitude <= Self.resizedSideMax, cropY.magnitude <= Self.resizedSideMax
    else {
      throw ImagingError(
        .invalidPlacement,
        "a square of \(side) at (\(cropX), \(cropY)) of a picture resized to "
          + "\(resizedWidth)×\(resizedHeight) is beyond the limits")
    }
    let canvas = try canvas(of: image)
    let columns = (cropX..<cropX + side).clamped(to: 0..<resizedWidth)
    let rows = (cropY..<cropY + side).clamped(to: 0..<resizedHeight)
    guard !columns.isEmpty, !rows.isEmpty else {
      let black = [UInt8](repeating: 0, count: side * side * 3)
      return PixelImage(width: side, height: side, rgb: black)
    }
    let part = canvas.resized(to: size, using: resampling, columns: columns, rows: rows)
    return try part.cropped(
      at: (cropX - columns.lowerBound, cropY - rows.lowerBound), to: (side, side))
  }
  private func canvas(of image: PixelImage) throws(ImagingError) -> ResamplingCanvas {
    guard (1...Self.canvasSideMax).contains(canvasWidth),
      (1...Self.canvasSideMax).contains(canvasHeight), canvasX >= 0, canvasY >= 0,
      canvasX <= canvasWidth - image.width, canvasY <= canvasHeight - image.height
    else {
      throw ImagingError(
        .invalidPlacement,
        "a canvas of \(canvasWidth)×\(canvasHeight) does not hold a picture of "
          + "\(image.width)×\(image.height) at (\(canvasX), \(canvasY)), or is beyond the limits")
    }
    return ResamplingCanvas(
      image, size: (canvasWidth, canvasHeight), origin: (canvasX, canvasY), fill: padFill)
  }
}
