import Referring
import Testing

@Suite struct ShapeParsingTests {
  private func refusal(_ body: () throws(ReferringError) -> RegionShape) -> String? {
    errorText { () throws(ReferringError) in _ = try body() }
  }

  @Test("shapes are read as people type them")
  func good() throws {
    #expect(try RegionShape(point: "12,7.5") == .point(Point(x: 12, y: 7.5)))
    #expect(try RegionShape(point: " -1.5e1 ,\t+.25 ") == .point(Point(x: -15, y: 0.25)))
    let box = RegionShape.box(Box(x1: 10, y1: 20, x2: 110, y2: 140))
    #expect(try RegionShape(box: "10,20,110,140") == box)
    #expect(try RegionShape(box: "10 20 110 140") == box)
    let triangle = RegionShape.polygon([
      Point(x: 1, y: 2), Point(x: 3, y: 4), Point(x: 5, y: 6.5),
    ])
    #expect(try RegionShape(polygon: "1,2 3,4 5,6.5") == triangle)
    #expect(try RegionShape(polygon: "1 , 2  3,4\n5, 6.5") == triangle)
    #expect(try RegionShape(polygon: "1,2,3,4,5,6.5") == triangle)
    #expect(try RegionShape(polygon: "1, 2, 3, 4, 5, 6.5") == triangle)
  }

  @Test("a wrong count says what was expected and what was given")
  func counts() {
    #expect(
      refusal { () throws(ReferringError) in try RegionShape(box: "1,2,3") }
        == "a box takes 4 numbers x1,y1,x2,y2; 3 given.")
    #expect(
      refusal { () throws(ReferringError) in try RegionShape(point: "1,2,3") }
        == "a point takes 2 numbers x,y; 3 given.")
    #expect(
      refusal { () throws(ReferringError) in try RegionShape(point: "") }
        == "a point takes 2 numbers x,y; 0 given.")
    for text in ["1,2 3,4", "1,2,3,4,5", "1,2 3 4,5 6,7", "", "1,2 3,4,5 6,7"] {
      let code = errorCode { () throws(ReferringError) in _ = try RegionShape(polygon: text) }
      #expect(code == .wrongNumberCount, "\(text)")
    }
    let many = Array(repeating: "1,2", count: 65).joined(separator: " ")
    let code = errorCode { () throws(ReferringError) in _ = try RegionShape(polygon: many) }
    #expect(code == .limit)
  }

  @Test(
    "what is no decimal number is refused",
    arguments: ["nan,1", "1,inf", "0x10,1", "1,,2", ",1,2", "1,2,", "a,b", "1;2", "1e999,1", "1,２"])
  func letters(text: String) {
    let code = errorCode { () throws(ReferringError) in _ = try RegionShape(point: text) }
    #expect(code == .badNumber)
  }

  @Test("a very long text is refused unread")
  func long() {
    let text = String(repeating: "1,", count: 1 << 20)
    let code = errorCode { () throws(ReferringError) in _ = try RegionShape(box: text) }
    #expect(code == .limit)
  }
}
