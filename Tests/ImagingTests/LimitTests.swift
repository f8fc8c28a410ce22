import Imaging
import Testing

@Suite("Limits")
struct LimitTests {
  /// The first bytes of a PNG that states this size; nothing behind its header.
  static func pngHeader(_ width: UInt32, _ height: UInt32) -> [UInt8] {
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    bytes += Array("IHDR".utf8)
    for value in [width, height] {
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
    return bytes + [8, 2, 0, 0, 0, 0, 0, 0, 0]
  }

  @Test("a 30,000×30,000 picture is refused before it is decoded, with its size")
  func tooManyPixels() {
    let error = #expect(throws: ImagingError.self) {
      try PixelImage(decoding: Self.pngHeader(30_000, 30_000))
    }
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("30000×30000") == true)
  }

  @Test("too long a side, too many bytes and a size of zero are refused")
  func others() throws {
    #expect(throws: ImagingError.self) { try PixelImage(decoding: Self.pngHeader(70_000, 1)) }
    #expect(throws: ImagingError.self) {
      try PixelImage(decoding: Self.pngHeader(.max, .max))
    }
    #expect(throws: ImagingError.self) { try ImageHeader(reading: Self.pngHeader(0, 5)) }
    let bytes = try Fixture.bytes("decoding/rgb8.png")
    let error = #expect(throws: ImagingError.self) {
      try PixelImage(decoding: bytes, limits: ImageLimits(bytesMax: bytes.count - 1))
    }
    #expect(error?.code == .tooLarge)
    #expect(throws: ImagingError.self) {
      try PixelImage(decoding: bytes, limits: ImageLimits(pixelsMax: 13 * 11 - 1))
    }
    _ = try PixelImage(
      decoding: bytes, limits: ImageLimits(bytesMax: bytes.count, pixelsMax: 13 * 11, sideMax: 13))
  }

  @Test("sizes that cannot be made are refused, not trapped on")
  func impossibleSizes() throws {
    let image = PixelImage(width: 1, height: 1, rgb: [1, 2, 3])
    for size in [(0, 1), (-1, 1), (1, .max), (.max, .max), (65_535, 65_535)] {
      #expect(throws: ImagingError.self) { try image.resized(to: size, using: .bicubic) }
      #expect(throws: ImagingError.self) { try image.cropped(at: (0, 0), to: size) }
      #expect(throws: ImagingError.self) {
        try image.padded(to: size, at: (0, 0), fill: .black)
      }
    }
    #expect(throws: ImagingError.self) { try image.padded(to: (2, 2), at: (2, 0), fill: .black) }
    #expect(throws: ImagingError.self) { try image.cropped(at: (.min, 0), to: (2, 2)) }
    let far = try image.cropped(at: (.max, .min + 1), to: (2, 2))
    #expect(far.rgb == [UInt8](repeating: 0, count: 12))
  }
}
