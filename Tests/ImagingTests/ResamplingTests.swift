import Imaging
import Testing

@Suite("Resampling as Pillow")
struct ResamplingTests {
  struct Case: Decodable {
    let file: String
    let width, height, resample: Int
    let digest: String
    let middle: [UInt8]
  }

  @Test("every filter gives Pillow's bytes, shrinking and enlarging either axis or both")
  func bytes() throws {
    let cases = try Fixture.cases("resampling/cases.json", of: Case.self)
    #expect(Set(cases.map(\.resample)).count == 6)
    for expected in cases {
      let image = try PixelImage(decoding: Fixture.bytes("resampling/\(expected.file)"))
      let filter = try #require(Resampling(rawValue: expected.resample))
      let result = try image.resized(to: (expected.width, expected.height), using: filter)
      let name = "\(expected.file) to \(expected.width)×\(expected.height), \(filter)"
      #expect(
        Fixture.pixel(result, expected.width / 2, expected.height / 2) == expected.middle, "\(name)"
      )
      #expect(Fixture.digest(result.rgb) == expected.digest, "\(name)")
    }
  }

  @Test("a plain picture stays plain under every filter", arguments: Resampling.allCases)
  func plain(filter: Resampling) throws {
    for value in [0, 1, 127, 128, 254, 255] as [UInt8] {
      let image = PixelImage(width: 19, height: 8, rgb: [UInt8](repeating: value, count: 456))
      let result = try image.resized(to: (7, 31), using: filter)
      #expect(result.rgb.allSatisfy { $0 == value })
    }
  }

  @Test("padding and cropping undo each other; outside a crop is black")
  func padAndCrop() throws {
    let image = PixelImage(width: 2, height: 2, rgb: Array(1...12))
    let padded = try image.padded(to: (5, 4), at: (2, 1), fill: PixelColour(7, 8, 9))
    #expect(Fixture.pixel(padded, 0, 0) == [7, 8, 9])
    #expect(Fixture.pixel(padded, 4, 3) == [7, 8, 9])
    #expect(Fixture.pixel(padded, 2, 1) == [1, 2, 3])
    #expect(Fixture.pixel(padded, 3, 2) == [10, 11, 12])
    #expect(try padded.cropped(at: (2, 1), to: (2, 2)) == image)

    let beyond = try image.cropped(at: (-1, -1), to: (4, 4))
    #expect(Fixture.pixel(beyond, 0, 0) == [0, 0, 0])
    #expect(Fixture.pixel(beyond, 1, 1) == [1, 2, 3])
    #expect(Fixture.pixel(beyond, 3, 3) == [0, 0, 0])
    #expect(try beyond.cropped(at: (1, 1), to: (2, 2)) == image)
  }
}
