/// The file formats that are decoded, told by their first bytes and never by a name.
public enum ImageFormat: String, Sendable, Equatable, CaseIterable {
  case jpeg, png, webp

  static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// Throws `unsupportedFormat`, naming what the bytes look like, or `truncated` where they are the
  /// beginning of a signature.
  init(sniffing bytes: [UInt8]) throws(ImagingError) {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: Self.pngSignature) {
      self = .png
    } else if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
      self = .webp
    } else if bytes.count >= 2, Self.beginsSignature(bytes) {
      throw ImagingError(
        .truncated, "the image file ends after \(bytes.count) bytes",
        remedy: "Send the whole file.")
    } else {
      throw ImagingError(
        .unsupportedFormat,
        "not a JPEG, PNG or WebP image: it looks like \(Self.appearance(of: bytes))",
        remedy: "Convert it to JPEG, PNG or WebP.")
    }
  }

  private static func beginsSignature(_ bytes: [UInt8]) -> Bool {
    bytes == [0xFF, 0xD8] || pngSignature.starts(with: bytes)
      || (bytes.count < 12 && bytes.starts(with: "RIFF".utf8))
      || (bytes.count < 4 && "RIFF".utf8.starts(with: bytes))
  }
}
