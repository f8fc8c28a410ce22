internal import CImageCodecs

/// Decoding of JPEG, PNG and WebP files.
extension PixelImage {
  /// Decodes a file to upright RGB, as Pillow's `Image.open`, `ImageOps.exif_transpose` and
  /// `convert("RGB")` do: alpha is dropped, 16-bit colour keeps its high byte, 16-bit grey is
  /// clipped at 255 (not scaled), an index beyond the palette is black, four-channel JPEG is taken
  /// as inverted CMYK. Of an animated WebP, the first frame on a black canvas.
  ///
  /// Stricter than Pillow where data is damaged: any JPEG warning and any PNG checksum is an error.
  ///
  /// Throws `tooLarge` before anything is decoded, `unsupportedFormat`, `unsupportedFeature`,
  /// `truncated`, `corrupt` or `outOfMemory`.
  public init(decoding bytes: [UInt8], limits: ImageLimits = .standard) throws(ImagingError) {
    try limits.check(byteCount: bytes.count)
    let header = try ImageHeader(reading: bytes)
    try limits.check(header)
    var rgb = [UInt8](repeating: 0, count: header.width * header.height * 3)
    switch header.format {
    case .jpeg:
      try Self.decode(bytes, as: header, into: &rgb, with: image_codec_decode_jpeg)
    case .png:
      try Self.decode(bytes, as: header, into: &rgb, with: image_codec_decode_png)
    case .webp:
      let container = try WebPHeader(ByteView(bytes))
      try Self.checkLength(ofWebP: bytes)
      try Self.decode(
        bytes, as: header, frame: container.frame, into: &rgb, with: image_codec_decode_webp)
    }
    self = PixelImage(width: header.width, height: header.height, rgb: rgb)
      .oriented(header.orientation)
  }

  private typealias Decoder = (
    UnsafePointer<image_codec_request>?, UnsafeMutablePointer<image_codec_message>?
  ) -> image_codec_status

  private static func decode(
    _ file: [UInt8], as header: ImageHeader, frame: WebPHeader.Frame? = nil,
    into rgb: inout [UInt8], with decoder: Decoder
  ) throws(ImagingError) {
    let part = frame?.bytes ?? 0..<file.count
    let offset = ((frame?.y ?? 0) * header.width + (frame?.x ?? 0)) * 3
    var message = image_codec_message()
    let status = file[part].withUnsafeBufferPointer { bytes in
      rgb.withUnsafeMutableBufferPointer { pixels in
        var request = image_codec_request(
          bytes: bytes.baseAddress, count: bytes.count, rgb: pixels.baseAddress! + offset,
          width: UInt32(frame?.width ?? header.width),
          height: UInt32(frame?.height ?? header.height), stride: header.width * 3)
        return decoder(&request, &message)
      }
    }
    guard status != IMAGE_CODEC_OK else { return }
    let text = withUnsafeBytes(of: message.text) { raw in
      String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
    throw error(status, header.format, text)
  }

  private static func error(
    _ status: image_codec_status, _ format: ImageFormat, _ text: String
  ) -> ImagingError {
    let name = format.rawValue
    switch status {
    case IMAGE_CODEC_TRUNCATED:
      return ImagingError(
        .truncated, "the \(name) image is cut short (\(text))", remedy: "Send the whole file.")
    case IMAGE_CODEC_UNSUPPORTED:
      return ImagingError(
        .unsupportedFeature, "the \(name) image is of a kind that is not decoded (\(text))",
        remedy: "Convert it to an ordinary 8-bit image.")
    case IMAGE_CODEC_NO_MEMORY:
      return ImagingError(
        .outOfMemory, "not enough memory to decode the \(name) image (\(text))",
        remedy: "Scale the image down.")
    default:
      return ImagingError(
        .corrupt, "the \(name) image is damaged (\(text))", remedy: "Save it anew and try again.")
    }
  }

  /// A container states its length; libwebp does not always miss the bytes behind the pixels.
  private static func checkLength(ofWebP bytes: [UInt8]) throws(ImagingError) {
    guard let stated = ByteView(bytes).little32(4), stated + 8 <= bytes.count else {
      throw ImagingError(
        .truncated, "the webp image is cut short (it states more bytes than its \(bytes.count))",
        remedy: "Send the whole file.")
    }
  }
}
