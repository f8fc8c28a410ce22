/// Where a file states its orientation: EXIF first, then XMP, as Pillow's `Image.getexif` reads
/// them.
struct ImageOrientationSource {
  /// A TIFF structure, with or without the prefix `Exif\0\0`.
  var exif: ByteView?
  /// An XMP packet (XML).
  var xmp: ByteView?

  /// 1…8; whatever else is stated counts as 1.
  var orientation: Int {
    let stated = exif.flatMap(Self.exifTag) ?? xmp.flatMap(Self.xmpAttribute) ?? 1
    return (1...8).contains(stated) ? stated : 1
  }

  /// Tag 0x0112 of the first directory (TIFF 6.0, EXIF 2.3); the first of several counts.
  private static func exifTag(_ block: ByteView) -> Int? {
    var tiff = block
    for _ in 0..<2 where tiff.starts(with: "Exif\0\0") { tiff = tiff.part(from: 6) }
    let bigEndian: Bool
    if tiff.starts(with: "II*\0") || tiff.starts(with: "II\0*") {
      bigEndian = false
    } else if tiff.starts(with: "MM\0*") || tiff.starts(with: "MM*\0") {
      bigEndian = true
    } else {
      return nil
    }
    func number(_ offset: Int, _ width: Int) -> Int? {
      tiff.number(at: offset, width: width, bigEndian: bigEndian)
    }
    guard let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
    for index in 0..<entries {
      let entry = directory + 2 + 12 * index
      guard let tag = number(entry, 2), let type = number(entry + 2, 2),
        let count = number(entry + 4, 4), number(entry + 8, 4) != nil
      else { return nil }
      guard tag == 0x0112, count > 0 else { continue }
      // SHORT, LONG, SSHORT, SLONG, IFD; a value of more than 4 bytes stands elsewhere.
      guard let width = [3: 2, 4: 4, 8: 2, 9: 4, 13: 4][type] else { continue }
      let place = count * width <= 4 ? entry + 8 : number(entry + 8, 4) ?? .max
      guard place <= tiff.count - width, count * width <= tiff.count else { continue }
      return number(place, width)
    }
    return nil
  }

  /// How much of an XMP packet is searched, in bytes.
  private static let packetBytesMax = 1 << 20

  /// The digit after the first `tiff:Orientation="` or `tiff:Orientation>`.
  private static func xmpAttribute(_ packet: ByteView) -> Int? {
    let name = Array("tiff:Orientation".utf8)
    let bytes = Array(packet.part(from: 0, length: packetBytesMax).slice)
    var position = 0
    while position + name.count < bytes.count {
      guard bytes[position] == name[0], bytes[position...].starts(with: name) else {
        position += 1
        continue
      }
      position += name.count
      let rest = bytes[position...]
      let digit =
        rest.starts(with: "=\"".utf8)
        ? rest.dropFirst(2).first : rest.starts(with: ">".utf8) ? rest.dropFirst().first : nil
      if let digit, (0x30...0x39).contains(digit) { return Int(digit) - 0x30 }
    }
    return nil
  }
}
