import Referring
import Testing

@Suite struct RegionTests {
  let size = ImageSize(width: 100, height: 50)

  private func pixels(_ shape: RegionShape, _ frame: Region.Frame = .pixels) throws -> RegionShape {
    try Region(shape, frame: frame).validated(in: size).shape
  }

  private func refusal(_ shape: RegionShape, _ frame: Region.Frame = .pixels) -> String? {
    errorText { () throws(ReferringError) in _ = try Region(shape, frame: frame).validated(in: size)
    }
  }

  @Test("a reversed box is put right")
  func reversedBox() throws {
    let found = try pixels(.box(Box(x1: 90, y1: 40, x2: 10, y2: 5)))
    #expect(found == .box(Box(x1: 10, y1: 5, x2: 90, y2: 40)))
  }

  @Test("normalised coordinates become pixels, and image and name stay")
  func normalised() throws {
    let region = Region(
      .box(Box(x1: 0.5, y1: 1, x2: 0.25, y2: 0)), frame: .normalized, image: 3, name: "cup")
    let found = try region.validated(in: size)
    let expected = Region(
      .box(Box(x1: 25, y1: 0, x2: 50, y2: 50)), frame: .pixels, image: 3, name: "cup")
    #expect(found == expected)
  }

  @Test("what stands out of the picture is cut off")
  func cutOff() throws {
    #expect(
      try pixels(.box(Box(x1: -20, y1: 10, x2: 30, y2: 900)))
        == .box(Box(x1: 0, y1: 10, x2: 30, y2: 50)))
    // A triangle whose left corner is outside becomes a quadrilateral.
    let triangle = RegionShape.polygon([
      Point(x: -10, y: 20), Point(x: 10, y: 10), Point(x: 10, y: 30),
    ])
    let cut = try pixels(triangle)
    #expect(
      Set(cut.corners.map { "\($0.x) \($0.y)" }) == [
        "0.0 15.0", "10.0 10.0", "10.0 30.0", "0.0 25.0",
      ])
  }

  @Test("a cut polygon covers just what the whole one covers in the picture")
  func cutCovers() throws {
    func covers(_ corners: [Point], _ point: Point) -> Bool {
      var inside = false
      for (a, b) in zip(corners, corners.dropFirst() + corners.prefix(1))
      where (a.y > point.y) != (b.y > point.y) {
        if point.x < a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x) { inside.toggle() }
      }
      return inside
    }
    var random = SeededRandom(5)
    let around = Box(x1: -100, y1: -60, x2: 200, y2: 110)
    let picture = Box(x1: 0, y1: 0, x2: 100, y2: 50)
    for _ in 0..<150 {
      let corners = (0..<Int.random(in: 3...7, using: &random)).map { _ in random.point(in: around)
      }
      let cut = try? pixels(.polygon(corners)).corners
      for _ in 0..<30 {
        let point = random.point(in: picture)
        #expect(covers(corners, point) == covers(cut ?? [], point))
      }
    }
  }

  @Test("a region on the very edge belongs to the picture")
  func edge() throws {
    #expect(try pixels(.point(Point(x: 100, y: 50))) == .point(Point(x: 100, y: 50)))
    let whole = RegionShape.box(Box(x1: 0, y1: 0, x2: 1, y2: 1))
    #expect(try pixels(whole, .normalized) == .box(Box(x1: 0, y1: 0, x2: 100, y2: 50)))
  }

  @Test("a region outside is refused, with the limits of its frame")
  func outside() throws {
    #expect(
      refusal(.point(Point(x: 101, y: 10)))
        == "the point 101,10 lies wholly outside the picture of 100×50 pixels. Give pixels of the "
        + "original image, x 0 to 100, y 0 to 50.")
    let text = try #require(refusal(.box(Box(x1: 10, y1: 20, x2: 30, y2: 40)), .normalized))
    #expect(text.contains("outside") && text.contains("between 0 and 1"))
    #expect(refusal(.box(Box(x1: 100, y1: 0, x2: 120, y2: 50)))?.contains("outside") == true)
    // Its bounding box reaches into the picture, the triangle itself does not.
    let past = RegionShape.polygon([
      Point(x: -30, y: 10), Point(x: 10, y: -30), Point(x: -30, y: -30),
    ])
    #expect(refusal(past)?.contains("outside") == true)
  }

  @Test(
    "coordinates that are no numbers are refused",
    arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e10])
  func badNumbers(value: Double) {
    let shapes: [RegionShape] = [
      .point(Point(x: value, y: 1)), .box(Box(x1: 1, y1: 1, x2: 9, y2: value)),
      .polygon([Point(x: 1, y: 1), Point(x: value, y: 2), Point(x: 3, y: 9)]),
    ]
    for shape in shapes {
      for frame in Region.Frame.allCases {
        let code = errorCode { () throws(ReferringError) in
          _ = try Region(shape, frame: frame).validated(in: size)
        }
        #expect(code == .badNumber)
      }
    }
  }

  @Test("a shape without area is refused with what to use instead")
  func noArea() {
    #expect(
      refusal(.box(Box(x1: 5, y1: 5, x2: 5, y2: 9))) == "the box 5,5,5,9 has no width. Use a point."
    )
    #expect(
      refusal(.box(Box(x1: 5, y1: 5, x2: 8, y2: 5)))
        == "the box 5,5,8,5 has no height. Use a point.")
    let line = (0..<3).map { Point(x: Double($0), y: Double($0)) }
    #expect(refusal(.polygon(line))?.contains("on one line") == true)
    #expect(refusal(.polygon(Array(line.prefix(2))))?.contains("at least 3 corners; 2") == true)
    let many = (0..<65).map { Point(x: Double($0), y: Double($0 % 7)) }
    #expect(refusal(.polygon(many))?.contains("at most 64 corners; 65") == true)
  }

  @Test("an impossible picture is refused", arguments: [0, -5, Int.max, Int.min])
  func badSize(side: Int) {
    let region = Region(.point(Point(x: 0, y: 0)))
    for size in [ImageSize(width: side, height: 5), ImageSize(width: 5, height: side)] {
      let code = errorCode { () throws(ReferringError) in _ = try region.validated(in: size) }
      #expect(code == .badImageSize)
      for fit in ImageGeometry.Fit.allCases {
        let code = errorCode { () throws(ReferringError) in
          _ = try ImageGeometry(fit: fit, original: size, side: 112)
        }
        #expect(code == .badImageSize)
      }
    }
  }
}
