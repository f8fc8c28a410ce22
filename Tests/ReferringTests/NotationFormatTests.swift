import Referring
import Testing

@Suite struct NotationFormatTests {
  let point = RegionShape.point(Point(x: 0.25, y: 0.4))
  let box = RegionShape.box(Box(x1: 0.1236, y1: 0.456, x2: 0.789, y2: 0.9))
  let polygon = RegionShape.polygon([
    Point(x: 0.1, y: 0.2), Point(x: 0.9, y: 0.25), Point(x: 0.5, y: 1),
  ])

  @Test(
    "each notation writes point, box, polygon as its family was trained",
    arguments: [
      (
        "chatspot", "<box>[0.250, 0.400]</box>", "<box>[0.124, 0.456, 0.789, 0.900]</box>",
        "<box>[0.100, 0.200, 0.900, 0.250, 0.500, 1.000]</box>"
      ),
      ("merlin", "[250, 400]", "[123, 456, 789, 900]", "[100, 200, 900, 250, 500, 1000]"),
      (
        "shikra", "[0.250,0.400]", "[0.124,0.456,0.789,0.900]",
        "[0.100,0.200,0.900,0.250,0.500,1.000]"
      ),
      ("llava", "[0.25, 0.40]", "[0.12, 0.46, 0.79, 0.90]", "[0.10, 0.20, 0.90, 0.25, 0.50, 1.00]"),
      (
        "mini", "<point>[0.25,0.40]</point>", "<box>[0.12,0.46,0.79,0.90]</box>",
        "<box>[0.10,0.20,0.90,1.00]</box>"
      ),
    ])
  func golden(name: String, pointText: String, boxText: String, polygonText: String) throws {
    let notation = try Notation.named(name)
    #expect(notation.format(point) == pointText)
    #expect(notation.format(box) == boxText)
    #expect(notation.format(polygon) == polygonText)
  }

  @Test("several regions are joined as the notation says")
  func several() throws {
    #expect(Notation.merlin.format([point, box]) == "[250, 400], [123, 456, 789, 900]")
    #expect(Notation.shikra.format([box, point]) == "[0.124,0.456,0.789,0.900;0.250,0.400]")
    #expect(
      Notation.mini.format([point, point])
        == "<point>[0.25,0.40]</point>, <point>[0.25,0.40]</point>")
    for notation in Notation.all {
      #expect(notation.format([]) == "")
      #expect(notation.format([polygon]) == notation.format(polygon))
    }
  }

  @Test("numbers have the digits that Python writes, on rounding borders too")
  func digits() throws {
    for row in try Fixtures.load("numbers.json", as: [[String]].self) {
      let value = Double(bitPattern: try #require(UInt64(row[0])))
      let point = RegionShape.point(Point(x: value, y: value))
      #expect(Notation.llava.format(point) == "[\(row[1]), \(row[1])]", "\(value)")
      #expect(Notation.shikra.format(point) == "[\(row[2]),\(row[2])]", "\(value)")
      #expect(Notation.merlin.format(point) == "[\(row[3]), \(row[3])]", "\(value)")
    }
  }

  @Test("values outside [0,1], negative zero and NaN stay inside the square")
  func clamped() {
    for (value, text) in [
      (-0.0, "0.00"), (-0.001, "0.00"), (1.7, "1.00"), (Double.nan, "0.00"),
      (.infinity, "1.00"), (-.infinity, "0.00"),
    ] {
      #expect(
        Notation.mini.format(.point(Point(x: value, y: 0.5))) == "<point>[\(text),0.50]</point>")
    }
  }

  @Test("what was written and read is written the same again")
  func stable() {
    for notation in Notation.all {
      for step in 0...1000 {
        let text = notation.format(.point(Point(x: Double(step) / 1000, y: 0.5)))
        #expect(notation.parse(text).map { notation.format($0.shape) } == [text])
      }
    }
  }

  @Test("held-out questions get the prompt text that the model was trained on")
  func heldOut() throws {
    let cases = try Fixtures.load("cases.json", as: [Fixtures.Case].self)
    #expect(cases.count > 100)
    let geometry = try ImageGeometry(
      fit: Notation.mini.fit, original: ImageSize(width: 112, height: 112), side: 112)
    let rendering = PromptRendering(notation: .mini, template: .plain)
    for item in cases {
      let shape: RegionShape =
        if let box = item.box {
          .box(Box(x1: box[0], y1: box[1], x2: box[2], y2: box[3]))
        } else {
          .point(Point(x: try #require(item.point)[0], y: try #require(item.point)[1]))
        }
      let query = ReferringQuery(turns: [
        Turn(role: .user, text: item.question, regions: [Region(shape)], images: [0])
      ])
      #expect(
        try rendering.render(query, images: [geometry])
          == [.control("<s>"), .image(0), .text("\n" + item.prompt + "\n")])
    }
  }

  @Test("an unknown notation is refused with the names that there are")
  func unknown() {
    let text = errorText { () throws(ReferringError) in _ = try Notation.named("Mini") }
    #expect(
      text == "there is no notation \"Mini\". Use one of chatspot, merlin, shikra, llava, mini.")
  }
}
