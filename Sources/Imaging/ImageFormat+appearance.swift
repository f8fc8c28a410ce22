/// Names for what is no picture of ours.
extension ImageFormat {
  /// What bytes that are no picture of ours look like, in words for an error message.
  static func appearance(of bytes: [UInt8]) -> String {
    if bytes.isEmpty { return "an empty file" }
    for (offset, signature, name) in binarySignatures
    where bytes.dropFirst(offset).starts(with: signature.utf8) {
      return name
    }
    for (signature, name) in [([0x1F, 0x8B], "gzip"), ([0xFF, 0x0A], "JPEG XL")]
      as [([UInt8], String)]
    where bytes.starts(with: signature) {
      return name
    }
    return textAppearance(of: bytes)
      ?? "unknown data beginning with the bytes "
      + bytes.prefix(4).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined(separator: " ")
  }

  private static func textAppearance(of bytes: [UInt8]) -> String? {
    let beginning = bytes.prefix(512)
    let isText = beginning.allSatisfy { byte in
      byte >= 0x20 ? byte != 0x7F : (9...13).contains(byte)
    }
    guard isText else { return nil }
    let text = String(decoding: beginning, as: UTF8.self).lowercased()
      .drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if text.contains("<svg") { return "SVG" }
    if text.hasPrefix("<!doctype html") || text.contains("<html") { return "HTML" }
    if text.hasPrefix("<") { return "XML" }
    if text.hasPrefix("{") || text.hasPrefix("[") { return "JSON" }
    if text.hasPrefix("data:") { return "a data: URL" }
    return "text"
  }
}

/// Offset, ASCII signature, name; the first that fits is taken.
private let binarySignatures: [(Int, String, String)] = [
  (0, "GIF8", "GIF"), (0, "BM", "BMP"), (0, "II*\0", "TIFF"), (0, "MM\0*", "TIFF"),
  (0, "%PDF", "PDF"), (0, "8BPS", "a Photoshop file"), (0, "PK\u{3}\u{4}", "a ZIP archive"),
  (0, "\0\0\u{1}\0", "an icon file"), (4, "JXL ", "JPEG XL"), (4, "jP  ", "JPEG 2000"),
  (4, "ftypavif", "AVIF"), (4, "ftypheic", "HEIC"), (4, "ftypheix", "HEIC"),
  (4, "ftypmif1", "HEIF"), (4, "ftyp", "an MP4 or similar video"), (0, "RIFF", "a RIFF file"),
]
