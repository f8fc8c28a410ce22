/// The largest picture that is read. Checked against the header, before any pixel is decoded.
public struct ImageLimits: Sendable, Equatable {
  /// Largest file, in bytes.
  public var bytesMax: Int
  /// Most pixels, width × height. Decoding allocates 3 bytes for each, and the codec up to 8 more.
  public var pixelsMax: Int
  /// Longest width or height, in pixels.
  public var sideMax: Int

  /// 64 MiB, 64 Mi pixels, and the longest side that JPEG can state.
  public static let standard = ImageLimits()

  public init(
    bytesMax: Int = 64 * 1024 * 1024, pixelsMax: Int = 67_108_864, sideMax: Int = 65_535
  ) {
    self.bytesMax = bytesMax
    self.pixelsMax = pixelsMax
    self.sideMax = sideMax
  }

  /// Throws `tooLarge` for a file of more than ``bytesMax`` bytes.
  public func check(byteCount: Int) throws(ImagingError) {
    guard byteCount <= bytesMax else {
      throw ImagingError(
        .tooLarge, "the image file has \(byteCount) bytes; the limit is \(bytesMax)",
        remedy: "Send a smaller or more strongly compressed image.")
    }
  }

  /// Throws `tooLarge` for a picture with too many pixels or too long a side.
  public func check(_ header: ImageHeader) throws(ImagingError) {
    let (width, height) = (header.width, header.height)
    guard width <= sideMax, height <= sideMax else {
      throw ImagingError(
        .tooLarge,
        "the image is \(width)×\(height) pixels; the longest side allowed is \(sideMax)",
        remedy: "Scale the image down.")
    }
    let (pixels, overflows) = width.multipliedReportingOverflow(by: height)
    guard !overflows, pixels <= pixelsMax else {
      throw ImagingError(
        .tooLarge,
        "the image is \(width)×\(height) pixels; the limit is \(pixelsMax) pixels in all",
        remedy: "Scale the image down.")
    }
  }
}
