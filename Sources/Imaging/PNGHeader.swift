/// Size and orientation from the chunks of a PNG (W3C PNG, third edition). Image data is stepped
/// over, because an `eXIf` chunk may stand behind it.
enum PNGHeader {
  static func read(_ file: ByteView) throws(ImagingError) -> ImageHeader {
    guard let length = file.big32(8), let width = file.big32(16), let height = file.big32(20),
      file.count >= 33
    else { throw ImageHeader.truncated(.png) }
    guard file.part(from: 12).starts(with: "IHDR"), length == 13, width <= Int(Int32.max),
      height <= Int(Int32.max)
    else { throw ImagingError(.corrupt, "the png file does not begin with a valid IHDR chunk") }

    var orientation = ImageOrientationSource()
    var offset = 33
    while let length = file.big32(offset), length <= Int(Int32.max) {
      let type = file.part(from: offset + 4, length: 4)
      let data = file.part(from: offset + 8, length: length)
      guard !type.starts(with: "IEND"), data.count == length else { break }
      if type.starts(with: "eXIf") {
        orientation.exif = data
      } else if type.starts(with: "iTXt"), let packet = plainXMP(data) {
        orientation.xmp = packet
      }
      offset += length + 12
    }
    return try ImageHeader(format: .png, width: width, height: height, orientation: orientation)
  }

  /// Keyword, zero, compression flag and method, language, zero, translated keyword, zero, text.
  private static func plainXMP(_ data: ByteView) -> ByteView? {
    let keyword = "XML:com.adobe.xmp\0"
    guard data.starts(with: keyword), data.byte(keyword.utf8.count) == 0 else { return nil }
    return data.part(from: keyword.utf8.count + 2)
  }
}
