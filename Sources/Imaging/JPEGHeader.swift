/// Size and orientation from the marker segments of a JPEG (ITU T.81 annex B), up to the first
/// scan.
enum JPEGHeader {
  static func read(_ file: ByteView) throws(ImagingError) -> ImageHeader {
    var size: (width: Int, height: Int)?
    var orientation = ImageOrientationSource()
    var offset = 2
    while let marker = nextMarker(in: file, from: &offset), let length = file.big16(offset) {
      if marker == startOfScan {
        guard size != nil else { throw damaged("no frame header before its first scan") }
        break
      }
      guard length >= 2 else { throw damaged("a segment of \(length) bytes") }
      let segment = file.part(from: offset + 2, length: length - 2)
      if isStartOfFrame(marker), size == nil {
        size = try frameSize(marker, segment)
      } else if marker == applicationOne {
        take(segment, into: &orientation)
      }
      offset += length
    }
    guard let size else { throw ImageHeader.truncated(.jpeg) }
    return try ImageHeader(
      format: .jpeg, width: size.width, height: size.height, orientation: orientation)
  }

  private static let startOfScan = 0xDA
  private static let applicationOne = 0xE1

  /// Steps over stray bytes and markers without a segment; `offset` ends up behind the marker.
  private static func nextMarker(in file: ByteView, from offset: inout Int) -> Int? {
    while let byte = file.byte(offset) {
      offset += 1
      guard byte == 0xFF, let marker = file.byte(offset) else { continue }
      let standsAlone = marker <= 0x01 || (0xD0...0xD9).contains(marker)
      if standsAlone || marker == 0xFF { continue }
      offset += 1
      return marker
    }
    return nil
  }

  private static func isStartOfFrame(_ marker: Int) -> Bool {
    (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
  }

  private static func frameSize(
    _ marker: Int, _ segment: ByteView
  ) throws(ImagingError) -> (width: Int, height: Int) {
    guard let bits = segment.byte(0), let height = segment.big16(1), let width = segment.big16(3),
      let components = segment.byte(5)
    else { throw ImageHeader.truncated(.jpeg) }
    guard [0xC0, 0xC1, 0xC2, 0xC9, 0xCA].contains(marker) else {
      throw unsupported("lossless or hierarchical JPEG is not decoded")
    }
    guard bits == 8 else { throw unsupported("JPEG with \(bits) bits a sample is not decoded") }
    guard [1, 3, 4].contains(components) else {
      throw unsupported("JPEG with \(components) colour components is not decoded")
    }
    return (width, height)
  }

  private static func damaged(_ fault: String) -> ImagingError {
    ImagingError(.corrupt, "the jpeg file has \(fault)", remedy: "Save it anew and try again.")
  }

  private static func unsupported(_ message: String) -> ImagingError {
    ImagingError(.unsupportedFeature, message, remedy: "Convert it to an ordinary 8-bit image.")
  }

  private static func take(_ segment: ByteView, into orientation: inout ImageOrientationSource) {
    let packet = "http://ns.adobe.com/xap/1.0/\0"
    if segment.starts(with: "Exif\0\0"), orientation.exif == nil {
      orientation.exif = segment
    } else if segment.starts(with: packet) {
      orientation.xmp = segment.part(from: packet.utf8.count)
    }
  }
}
