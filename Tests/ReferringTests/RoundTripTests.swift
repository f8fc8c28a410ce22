import Referring
import Testing

@Suite struct RoundTripTests {
  /// Every notation with every geometry.
  static let pairs = Notation.all.flatMap { notation in
    ImageGeometry.Fit.allCases.map { (notation, $0) }
  }

  @Test(
    "a region comes back from text to the same pixels, within the notation's last digit",
    arguments: pairs)
  func roundTrip(notation: Notation, fit: ImageGeometry.Fit) throws {
    var random = SeededRandom(UInt64(notation.name.utf8.count * 10 + fit.rawValue.utf8.count))
    for _ in 0..<120 {
      let geometry = try ImageGeometry(
        fit: fit, original: random.size(), side: [56, 112, 336].randomElement(using: &random) ?? 1,
        shortestEdge: .random(in: 50...400, using: &random))
      let shape = random.shape(in: geometry.visible)
      let region = try Region(shape).validated(in: geometry.original)
      #expect(region.shape == shape)
      let text = notation.format(try geometry.toModel(region.shape))
      let answer = "It is \(text), I think."
      let found = AnswerRegions.find(in: answer, notation: notation, geometry: geometry, image: 4)
      try #require(found.count == 1)
      #expect(found[0].text == text && found[0].region.image == 4)
      #expect(found[0].region.frame == .pixels)
      var expected = shape
      if notation.polygon == nil, case .polygon = shape {
        expected = .box(try #require(shape.boundingBox))
      }
      // One side of the model's square, in pixels of the original.
      let square = geometry.toOriginal(Point(x: 1, y: 1))
      let zero = geometry.toOriginal(Point(x: 0, y: 0))
      let error = notation.quantisation + 1e-9
      #expect(
        found[0].region.shape.isClose(
          to: expected, x: error * (square.x - zero.x), y: error * (square.y - zero.y)),
        "\(geometry) \(shape) \(text)")
    }
  }

  @Test("several regions come back in order", arguments: pairs)
  func several(notation: Notation, fit: ImageGeometry.Fit) throws {
    var random = SeededRandom(7)
    for count in 1...6 {
      let shapes = (0..<count).map { _ in random.shape(in: .unit) }
      let singly = shapes.flatMap { notation.parse(notation.format($0)).map(\.shape) }
      #expect(singly.count == count)
      #expect(notation.parse(notation.format(shapes)).map(\.shape) == singly)
    }
  }

  @Test("with several images a frame says which one is meant")
  func frames() throws {
    let images = try [(100, 200), (300, 400)].map {
      try ImageGeometry(fit: .stretch, original: ImageSize(width: $0, height: $1), side: 448)
    }
    let found = AnswerRegions.find(
      in: "[500, 500] <Id1>Frame1:[500, 500];Frame2:[500, 500];Frame9:[500, 500]</Id1>",
      notation: .merlin, images: images)
    #expect(found.map(\.region.image) == [0, 0, 1, 0])
    #expect(found[2].region.shape == .point(Point(x: 150, y: 200)))
    #expect(AnswerRegions.find(in: "[1, 2]", notation: .merlin, images: []).isEmpty)
  }
}
