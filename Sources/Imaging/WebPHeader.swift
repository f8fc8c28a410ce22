/// Size, orientation and picture data of a WebP container (RFC 9649). Of an animation, the first
/// frame.
struct WebPHeader {
  let header: ImageHeader
  /// Where an animation's first frame stands; `nil` for a still picture.
  private(set) var frame: Frame?

  /// One frame of an animation, in pixels of the canvas.
  struct Frame {
    let x: Int
    let y: Int
    let width: Int
    let height: Int
    /// The frame's own chunks, inside the file.
    let bytes: Range<Int>
  }

  init(_ file: ByteView) throws(ImagingError) {
    guard let riffLength = file.little32(4), file.count >= 20 else {
      throw ImageHeader.truncated(.webp)
    }
    let size = try Self.firstChunkSize(file)
    let animates = file.part(from: 12).starts(with: "VP8X") && (file.byte(20) ?? 0) & 2 != 0
    var orientation = ImageOrientationSource()
    var offset = 12
    let end = min(file.count, riffLength + 8)
    while offset + 8 <= end, let length = file.little32(offset + 4) {
      let type = file.part(from: offset, length: 4)
      let data = file.part(from: offset + 8, length: min(length, end - offset - 8))
      if type.starts(with: "EXIF"), orientation.exif == nil {
        orientation.exif = data
      } else if type.starts(with: "XMP "), orientation.xmp == nil {
        orientation.xmp = data
      } else if type.starts(with: "ANMF"), animates, frame == nil {
        frame = Self.frame(data, at: offset + 8)
      }
      offset += 8 + length + length % 2
    }
    if animates, let frame {
      guard frame.x + frame.width <= size.width, frame.y + frame.height <= size.height else {
        throw ImagingError(.corrupt, "the webp animation's first frame lies outside its canvas")
      }
    } else if animates {
      guard riffLength + 8 <= file.count else { throw ImageHeader.truncated(.webp) }
      throw ImagingError(.corrupt, "the webp animation has no frame")
    }
    header = try ImageHeader(
      format: .webp, width: size.width, height: size.height, orientation: orientation)
  }

  private static func firstChunkSize(
    _ file: ByteView
  ) throws(ImagingError) -> (width: Int, height: Int) {
    let chunk = file.part(from: 12)
    let data = chunk.part(from: 8)
    if chunk.starts(with: "VP8X") {
      guard let width = data.little24(4), let height = data.little24(7) else {
        throw ImageHeader.truncated(.webp)
      }
      return (width + 1, height + 1)
    }
    if chunk.starts(with: "VP8L") {
      guard let signature = data.byte(0), let bits = data.little32(1) else {
        throw ImageHeader.truncated(.webp)
      }
      guard signature == 0x2F else { throw corruptBitstream }
      return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
    }
    if chunk.starts(with: "VP8 ") {
      guard let code = data.little24(3), let width = data.little16(6), let height = data.little16(8)
      else { throw ImageHeader.truncated(.webp) }
      guard code == 0x2A019D else { throw corruptBitstream }
      return (width & 0x3FFF, height & 0x3FFF)
    }
    throw ImagingError(.corrupt, "the webp file does not begin with a VP8, VP8L or VP8X chunk")
  }

  private static let corruptBitstream = ImagingError(
    .corrupt, "the webp bitstream does not begin with its signature")

  private static func frame(_ data: ByteView, at offset: Int) -> Frame? {
    guard let x = data.little24(0), let y = data.little24(3), let width = data.little24(6),
      let height = data.little24(9), data.count > 16
    else { return nil }
    return Frame(
      x: 2 * x, y: 2 * y, width: width + 1, height: height + 1,
      bytes: offset + 16..<offset + data.count)
  }
}
