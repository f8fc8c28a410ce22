import Foundation
import Imaging

/// Files made by `Tests/Oracle/make_imaging_fixtures.py`.
enum Fixture {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures")

  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: directory.appending(path: path)))
  }

  static func cases<Case: Decodable>(_ path: String, of type: Case.Type) throws -> [Case] {
    try JSONDecoder().decode([Case].self, from: Data(bytes(path)))
  }

  /// Little-endian f32.
  static func floats(_ path: String) throws -> [Float] {
    let data = try bytes(path)
    return stride(from: 0, to: data.count, by: 4).map { offset in
      Float(
        bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[offset + $1]) << UInt32(8 * $1) })
    }
  }

  /// FNV-1a, 64 bits, in hexadecimal.
  static func digest(_ bytes: [UInt8]) -> String {
    let value = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  static func pixel(_ image: PixelImage, _ x: Int, _ y: Int) -> [UInt8] {
    Array(image.rgb[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
  }

  /// The same numbers on every run (Knuth's MMIX generator).
  struct Random: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 32
    }
  }
}
