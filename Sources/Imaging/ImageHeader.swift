/// What the first bytes of a picture say of it. No pixel is decoded to learn it.
public struct ImageHeader: Sendable, Equatable {
  public let format: ImageFormat
  /// Size as stored, in pixels; both at least 1.
  public let width: Int
  public let height: Int
  /// EXIF orientation, 1…8. 1 where the file says nothing or nonsense.
  public let orientation: Int

  /// Size as shown, after the orientation is applied: the size of
  /// ``PixelImage/init(decoding:limits:)``.
  public var displayedWidth: Int { orientation >= 5 ? height : width }
  public var displayedHeight: Int { orientation >= 5 ? width : height }

  /// Reads the size and the orientation of a JPEG, PNG or WebP file.
  ///
  /// The orientation is the one that Pillow's `ImageOps.exif_transpose` applies: the EXIF tag, else
  /// the `tiff:Orientation` of XMP. (Not read: EXIF inside a PNG *text* chunk, or compressed XMP.)
  ///
  /// Throws `unsupportedFormat`, `unsupportedFeature`, `truncated` or `corrupt`. Limits are not
  /// checked here; see ``ImageLimits/check(_:)-(ImageHeader)``. A file cut after its header is no
  /// error here.
  public init(reading bytes: [UInt8]) throws(ImagingError) {
    let format = try ImageFormat(sniffing: bytes)
    let view = ByteView(bytes)
    switch format {
    case .jpeg: self = try JPEGHeader.read(view)
    case .png: self = try PNGHeader.read(view)
    case .webp: self = try WebPHeader(view).header
    }
  }

  init(
    format: ImageFormat, width: Int, height: Int, orientation: ImageOrientationSource
  ) throws(ImagingError) {
    guard width > 0, height > 0 else {
      throw ImagingError(.corrupt, "the \(format.rawValue) header states \(width)×\(height) pixels")
    }
    self.format = format
    self.width = width
    self.height = height
    self.orientation = orientation.orientation
  }

  static func truncated(_ format: ImageFormat) -> ImagingError {
    ImagingError(
      .truncated, "the \(format.rawValue) file ends inside its header",
      remedy: "Send the whole file.")
  }
}
