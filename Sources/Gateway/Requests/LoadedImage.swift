/// An image of a conversation, with what its header says.

internal import Imaging
internal import Referring

/// The bytes of an image file whose header is within the limits. No pixel is decoded.
struct LoadedImage: Sendable, Equatable {
  let file: [UInt8]
  /// As it is shown, after EXIF orientation.
  let size: ImageSize

  /// Throws an ``APIError`` that names `path` if the file is no image or too large a one.
  init(file: [UInt8], limits: ImageLimits, at path: FieldPath) throws {
    do throws(ImagingError) {
      try limits.check(byteCount: file.count)
      let header = try ImageHeader(reading: file)
      try limits.check(header)
      size = ImageSize(width: header.displayedWidth, height: header.displayedHeight)
    } catch {
      throw APIError.invalid("\(path): \(error)", param: path.param, code: "invalid_image")
    }
    self.file = file
  }
}
