import Foundation
import Imaging
import Testing

@Suite("Pixel values as Hugging Face transformers")
struct PixelPlacementTests {
  struct Case: Decodable {
    let file, values: String
    let placement: Numbers
  }

  struct Numbers: Decodable {
    let canvasWidth, canvasHeight, canvasX, canvasY: Int
    let resizedWidth, resizedHeight, cropX, cropY, side: Int

    func placement(fill: PixelColour) -> PixelPlacement {
      PixelPlacement(
        canvasWidth: canvasWidth, canvasHeight: canvasHeight, canvasX: canvasX, canvasY: canvasY,
        padFill: fill, resizedWidth: resizedWidth, resizedHeight: resizedHeight, cropX: cropX,
        cropY: cropY, side: side)
    }
  }

  @Test("crop, zero-padded crop, square padding, stretching and every normalisation agree to 2e-6")
  func transformers() throws {
    let json = try Fixture.bytes("pixels/cases.json")
    let plans = try #require(
      try JSONSerialization.jsonObject(with: Data(json)) as? [[String: Any]])
    let cases = try Fixture.cases("pixels/cases.json", of: Case.self)
    for (plan, expected) in zip(plans, cases) {
      let text = try JSONSerialization.data(withJSONObject: try #require(plan["configuration"]))
      let configuration = try PreprocessorConfiguration(json: [UInt8](text), file: expected.values)
      let values = try expected.placement.placement(fill: configuration.padFill).pixelValues(
        of: PixelImage(decoding: Fixture.bytes("pixels/\(expected.file)")),
        resampling: configuration.resampling, normalization: configuration.normalization)
      let reference = try Fixture.floats("pixels/\(expected.values)")
      #expect(values.count == reference.count, "\(expected.values)")
      let worst = zip(values, reference).map { abs($0 - $1) }.max() ?? .infinity
      #expect(worst <= 2e-6, "\(expected.values) of \(expected.file) is \(worst) off")
    }
  }

  @Test("the checkpoint's golden pixel values agree to 2e-6")
  func golden() throws {
    let configuration = try PreprocessorConfiguration(
      json: Fixture.bytes("pixels/golden.json"), file: "preprocessor_config.json")
    let image = try PixelImage(decoding: Fixture.bytes("pixels/golden.png"))
    let side = 56
    let (width, height) =
      image.width <= image.height
      ? (side, side * image.height / image.width) : (side * image.width / image.height, side)
    let placement = PixelPlacement(
      canvasWidth: image.width, canvasHeight: image.height, resizedWidth: width,
      resizedHeight: height, cropX: (width - side) / 2, cropY: (height - side) / 2, side: side)
    let values = try placement.pixelValues(
      of: image, resampling: configuration.resampling, normalization: configuration.normalization)
    let reference = try Fixture.floats("pixels/golden.f32")
    #expect(values.count == reference.count)
    #expect(zip(values, reference).allSatisfy { abs($0 - $1) <= 2e-6 })
  }

  /// What `square` computes piece by piece, done as a whole.
  private static func whole(
    _ image: PixelImage, _ placement: PixelPlacement, _ filter: Resampling
  ) throws -> PixelImage {
    try image.padded(
      to: (placement.canvasWidth, placement.canvasHeight),
      at: (placement.canvasX, placement.canvasY), fill: placement.padFill
    )
    .resized(to: (placement.resizedWidth, placement.resizedHeight), using: filter)
    .cropped(at: (placement.cropX, placement.cropY), to: (placement.side, placement.side))
  }

  @Test(
    "the square is that of the whole canvas, resized and cropped", arguments: Resampling.allCases)
  func pieces(filter: Resampling) throws {
    var random = Fixture.Random(state: 7)
    for _ in 0..<60 {
      let (width, height) = (
        Int.random(in: 1...20, using: &random), Int.random(in: 1...20, using: &random)
      )
      let image = PixelImage(
        width: width, height: height,
        rgb: (0..<width * height * 3).map { _ in .random(in: 0...255, using: &random) })
      let (left, top) = (
        Int.random(in: 0...6, using: &random), Int.random(in: 0...6, using: &random)
      )
      var placement = PixelPlacement(
        canvasWidth: width + left + .random(in: 0...3, using: &random),
        canvasHeight: height + top + .random(in: 0...3, using: &random),
        canvasX: left, canvasY: top, padFill: PixelColour(200, 3, 90),
        resizedWidth: .random(in: 1...30, using: &random),
        resizedHeight: .random(in: 1...30, using: &random),
        cropX: .random(in: -9...9, using: &random), cropY: .random(in: -9...9, using: &random),
        side: .random(in: 1...16, using: &random))
      if Bool.random(using: &random) { placement.resizedWidth = placement.canvasWidth }
      if Bool.random(using: &random) { placement.resizedHeight = placement.canvasHeight }
      let square = try placement.square(of: image, resampling: filter)
      #expect(square == (try Self.whole(image, placement, filter)), "\(placement)")
    }
  }

  @Test("a 1×2000 picture is cropped from a result that would not fit in memory")
  func extremeAspect() throws {
    let image = PixelImage(
      width: 1, height: 2000, rgb: (0..<6000).map { UInt8($0 / 3 / 8) })
    let placement = PixelPlacement(
      canvasWidth: 1, canvasHeight: 2000, resizedWidth: 336, resizedHeight: 672_000, cropX: 0,
      cropY: 335_832, side: 336)
    for filter in Resampling.allCases {
      let square = try placement.square(of: image, resampling: filter)
      #expect(Set(square.rgb).isSubset(of: [124, 125]), "\(filter)")
    }
  }

  @Test("placements that fit no picture are refused")
  func impossible() throws {
    let image = PixelImage(width: 4, height: 4, rgb: [UInt8](repeating: 9, count: 48))
    let good = PixelPlacement(
      canvasWidth: 4, canvasHeight: 4, resizedWidth: 4, resizedHeight: 4, side: 4)
    #expect(try good.square(of: image, resampling: .bicubic) == image)
    let changes: [(inout PixelPlacement) -> Void] = [
      { $0.side = 0 }, { $0.side = .max }, { $0.cropX = .min }, { $0.cropY = .max },
      { $0.resizedWidth = 0 }, { $0.resizedHeight = .max }, { $0.canvasWidth = 3 },
      { $0.canvasHeight = .min }, { $0.canvasX = 1 }, { $0.canvasY = -1 }, { $0.canvasX = .max },
    ]
    for change in changes {
      var placement = good
      change(&placement)
      #expect(throws: ImagingError.self) {
        try placement.square(of: image, resampling: .bicubic)
      }
    }
  }
}
