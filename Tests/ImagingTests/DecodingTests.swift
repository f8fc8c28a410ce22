import Imaging
import Testing

@Suite("Decoding as Pillow")
struct DecodingTests {
  struct Case: Decodable {
    let file: String
    let storedWidth, storedHeight, orientation, width, height: Int
    let digest: String
    let first, last: [UInt8]
  }

  @Test("every format, colour type and orientation gives Pillow's pixels and size")
  func pixels() throws {
    let cases = try Fixture.cases("decoding/cases.json", of: Case.self)
    #expect(cases.count > 100)
    for expected in cases {
      let bytes = try Fixture.bytes("decoding/\(expected.file)")
      let header = try ImageHeader(reading: bytes)
      #expect(header.width == expected.storedWidth, "\(expected.file)")
      #expect(header.height == expected.storedHeight, "\(expected.file)")
      #expect(header.orientation == expected.orientation, "\(expected.file)")
      #expect(header.displayedWidth == expected.width, "\(expected.file)")
      #expect(header.displayedHeight == expected.height, "\(expected.file)")

      let image = try PixelImage(decoding: bytes)
      #expect(image.width == expected.width && image.height == expected.height, "\(expected.file)")
      #expect(Fixture.pixel(image, 0, 0) == expected.first, "\(expected.file)")
      #expect(
        Fixture.pixel(image, image.width - 1, image.height - 1) == expected.last,
        "\(expected.file)")
      #expect(Fixture.digest(image.rgb) == expected.digest, "\(expected.file)")
    }
  }

  @Test("formats are told by content")
  func formats() throws {
    for (file, format) in [
      ("grey.jpg", ImageFormat.jpeg), ("rgb8.png", .png), ("lossless.webp", .webp),
    ] {
      #expect(try ImageHeader(reading: Fixture.bytes("decoding/\(file)")).format == format)
    }
  }

  @Test(
    "what is no image is named",
    arguments: [
      ("", "an empty file"), ("GIF89a\u{1}", "GIF"), ("BM6\0\0", "BMP"),
      ("  <!DOCTYPE html><html>", "HTML"), ("<svg xmlns=''>", "SVG"), ("{\"a\":1}", "JSON"),
      ("%PDF-1.7", "PDF"), ("\0\0\0\u{1C}ftypheic", "HEIC"),
      ("data:image/png;base64,", "data: URL"),
      ("RIFF\0\0\0\0WAVEfmt ", "a RIFF file"), ("hello", "text"), ("\u{1}\u{2}", "01 02"),
    ])
  func unsupported(text: String, name: String) {
    let error = #expect(throws: ImagingError.self) {
      try PixelImage(decoding: Array(text.utf8))
    }
    #expect(error?.code == .unsupportedFormat)
    #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
  }
}
