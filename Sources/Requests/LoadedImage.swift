/// An image of a conversation, with what its header says.

package import Imaging
package import Referring

/// The bytes of an image file whose header is within the limits. No pixel is decoded.
package struct LoadedImage: Sendable, Equatable {
  package let file: [UInt8]
  /// As it is shown, after EXIF orientation.
  package let size: ImageSize

  /// Throws an ``APIError`` that names `path` if the file is no image or too large a one.
  package init(file: [UInt8], limits: ImageLimits, at path: FieldPath) throws {
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
