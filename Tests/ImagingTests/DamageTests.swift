import Imaging
import Testing

@Suite("Damaged and hostile files")
struct DamageTests {
  static let files = [
    "grey.jpg", "ycc-420.jpg", "ycc-420-progressive.jpg", "cmyk.jpg", "restart.jpg", "o6.jpg",
    "rgb8.png", "palette4-interlaced.png", "grey16.png", "o6-after.png", "text.png",
    "lossless.webp", "lossy.webp", "lossy-alpha.webp", "animated-offset-alpha.webp", "o6.webp",
  ]

  @Test("a file cut anywhere is refused as truncated", arguments: files)
  func truncation(file: String) throws {
    let bytes = try Fixture.bytes("decoding/\(file)")
    for count in 2..<bytes.count {
      do {
        _ = try PixelImage(decoding: Array(bytes[..<count]))
        Issue.record("\(file) cut to \(count) of \(bytes.count) bytes was decoded")
      } catch {
        #expect(error.code == .truncated, "\(file) cut to \(count): \(error)")
      }
    }
  }

  @Test(
    "flipped bits and overwritten bytes end in pixels of the stated size or in an error",
    arguments: files)
  func flippedBits(file: String) throws {
    let bytes = try Fixture.bytes("decoding/\(file)")
    let limits = ImageLimits(pixelsMax: 20_000)
    var random = Fixture.Random(state: UInt64(bytes.count))
    for _ in 0..<600 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        if Bool.random(using: &random) {
          damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        } else {
          damaged[place] = .random(in: 0...255, using: &random)
        }
      }
      guard let image = try? PixelImage(decoding: damaged, limits: limits) else { continue }
      #expect(image.width * image.height <= limits.pixelsMax)
      #expect(image.rgb.count == image.width * image.height * 3)
    }
  }

  @Test("a flipped bit in any chunk of a PNG is found by its checksum", arguments: ["text.png"])
  func checksums(file: String) throws {
    let bytes = try Fixture.bytes("decoding/\(file)")
    for place in 8..<bytes.count {
      var damaged = bytes
      damaged[place] ^= 0x20
      #expect(throws: ImagingError.self, "byte \(place)") { try PixelImage(decoding: damaged) }
    }
  }

  @Test("damaged JPEG data is an error though libjpeg only warns")
  func corruptScan() throws {
    var bytes = try Fixture.bytes("decoding/ycc-444.jpg")
    let middle = bytes.count - 100
    bytes.replaceSubrange(middle..<middle + 2, with: [0xFF, 0xD9])
    let error = #expect(throws: ImagingError.self) { try PixelImage(decoding: bytes) }
    #expect(error?.code == .corrupt)
  }

  @Test("a JPEG that repeats one harmless scan thousands of times is refused")
  func scanBomb() throws {
    let bytes = try Fixture.bytes("decoding/ycc-420-progressive.jpg")
    let start = try #require(
      bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
    let end = try #require(
      (start + 2..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] != 0 })
    var scan = Array(bytes[start..<end])
    scan[13] = 0  // a first scan of full precision, which may come again without a warning
    func file(scans: Int) -> [UInt8] {
      bytes[..<start] + repeatElement(scan, count: scans).joined() + [0xFF, 0xD9]
    }
    _ = try PixelImage(decoding: file(scans: 20))
    let error = #expect(throws: ImagingError.self) {
      try PixelImage(decoding: file(scans: 2000))
    }
    #expect(error?.code == .unsupportedFeature)
  }
}
