import Referring
import Testing

@Suite struct ImageGeometryTests {
  @Test("sizes and offsets are those of LLaVA's padding and Hugging Face's resize and crop")
  func integers() throws {
    for row in try Fixtures.load("geometry.json", as: [Fixtures.Geometry].self) {
      let geometry = try ImageGeometry(
        fit: .named(row.fit), original: ImageSize(width: row.original[0], height: row.original[1]),
        side: row.side, shortestEdge: row.edge)
      #expect([geometry.canvas.width, geometry.canvas.height] == row.canvas, "\(row)")
      #expect([geometry.canvasOffset.x, geometry.canvasOffset.y] == row.canvasOffset, "\(row)")
      #expect([geometry.resized.width, geometry.resized.height] == row.resized, "\(row)")
      #expect([geometry.cropOffset.x, geometry.cropOffset.y] == row.cropOffset, "\(row)")
    }
  }

  @Test("known points fall where a hand calculation puts them")
  func points() throws {
    func model(_ fit: ImageGeometry.Fit, _ x: Double, _ y: Double) throws -> Point {
      try ImageGeometry(fit: fit, original: ImageSize(width: 168, height: 112), side: 112)
        .toModel(Point(x: x, y: y))
    }
    #expect(try model(.stretch, 42, 56) == Point(x: 0.25, y: 0.5))
    #expect(try model(.centerPad, 42, 0) == Point(x: 0.25, y: 28.0 / 168))
    #expect(try model(.topLeftPad, 42, 84) == Point(x: 0.25, y: 0.5))
    #expect(try model(.centerCrop, 84, 56) == Point(x: 0.5, y: 0.5))
    #expect(try model(.centerCrop, 0, 0) == Point(x: -0.25, y: 0))
  }

  @Test("there and back is where one was, on random pictures of any aspect")
  func roundTrip() throws {
    var random = SeededRandom(1)
    for _ in 0..<300 {
      let size = random.size()
      for fit in ImageGeometry.Fit.allCases {
        let geometry = try ImageGeometry(
          fit: fit, original: size, side: 112, shortestEdge: .random(in: 40...200, using: &random))
        let bounds = Box(x1: 0, y1: 0, x2: Double(size.width), y2: Double(size.height))
        let point = random.point(in: bounds)
        let back = geometry.toOriginal(geometry.toModel(point))
        #expect(abs(back.x - point.x) < 1e-8 && abs(back.y - point.y) < 1e-8)
        let visible = geometry.visible
        #expect(visible.x1 < visible.x2 && visible.y1 < visible.y2)
        let seen = RegionShape.point(random.point(in: visible))
        #expect(try geometry.toOriginal(geometry.toModel(seen)).isClose(to: seen, x: 1e-8, y: 1e-8))
      }
    }
  }

  @Test("only a crop hides anything")
  func nothingHidden() throws {
    var random = SeededRandom(2)
    for _ in 0..<200 {
      let size = random.size()
      let bounds = Box(x1: 0, y1: 0, x2: Double(size.width), y2: Double(size.height))
      for fit in [ImageGeometry.Fit.stretch, .centerPad, .topLeftPad] {
        let geometry = try ImageGeometry(fit: fit, original: size, side: 336)
        #expect(geometry.visible == bounds)
        for corner in RegionShape.box(bounds).corners {
          _ = try geometry.toModel(.point(corner))
        }
      }
    }
  }

  @Test("a region in what the crop cuts off is refused, one that reaches in is cut")
  func cropped() throws {
    let geometry = try ImageGeometry(
      fit: .centerCrop, original: ImageSize(width: 300, height: 100), side: 112)
    let left = RegionShape.box(Box(x1: 10, y1: 10, x2: 90, y2: 90))
    let text = errorText { () throws(ReferringError) in _ = try geometry.toModel(left) }
    #expect(
      text
        == "the box 10,10,90,90 lies outside what the model sees: of a picture of 300×100 pixels "
        + "only the central square. The model sees x 100 to 200, y 0 to 100; for more, crop the "
        + "picture yourself.")
    for shape in [
      RegionShape.point(Point(x: 99, y: 50)),
      .polygon([Point(x: 201, y: 1), Point(x: 290, y: 1), Point(x: 250, y: 99)]),
      .point(Point(x: .nan, y: 50)),
    ] {
      #expect(errorCode { () throws(ReferringError) in _ = try geometry.toModel(shape) } != nil)
    }
    let reaching = RegionShape.box(Box(x1: 50, y1: 25, x2: 150, y2: 75))
    let cut = RegionShape.box(Box(x1: 0, y1: 0.25, x2: 0.5, y2: 0.75))
    #expect(try geometry.toModel(reaching).isClose(to: cut, x: 1e-12, y: 1e-12))
  }

  @Test("what a model says about the padding comes back on the picture's edge")
  func padding() throws {
    let geometry = try ImageGeometry(
      fit: .centerPad, original: ImageSize(width: 100, height: 50), side: 224)
    let said = RegionShape.box(Box(x1: 0.5, y1: 0, x2: 1, y2: 0.5))
    #expect(geometry.toOriginal(said) == .box(Box(x1: 50, y1: 0, x2: 100, y2: 25)))
    #expect(geometry.toOriginal(.point(Point(x: 0.5, y: 1))) == .point(Point(x: 50, y: 50)))
  }

  @Test("an impossible model square is refused", arguments: [0, -1, 1 << 20, Int.max])
  func badSide(side: Int) {
    let size = ImageSize(width: 9, height: 9)
    let codes = [
      errorCode { () throws(ReferringError) in
        _ = try ImageGeometry(fit: .stretch, original: size, side: side)
      },
      errorCode { () throws(ReferringError) in
        _ = try ImageGeometry(fit: .centerCrop, original: size, side: 9, shortestEdge: side)
      },
    ]
    #expect(codes == [.badImageSize, .badImageSize])
    #expect(
      errorCode { () throws(ReferringError) in _ = try ImageGeometry.Fit.named("x") }
        == .unknownName)
  }
}
