import Referring
import Testing

@Suite struct RegionMarksTests {
  private func region(_ name: String? = nil) -> Region {
    Region(.point(Point(x: 1, y: 1)), name: name)
  }

  private func place(
    _ text: String, _ regions: [Region]
  ) throws(ReferringError) -> [RegionMarks.Part] {
    try RegionMarks(in: text).place(regions)
  }

  @Test("marks stand in order, named ones where their name says, as often as it stands")
  func order() throws {
    #expect(
      try place("a <region> b <region>", [region(), region()])
        == [.text("a "), .regions([0]), .text(" b "), .regions([1])])
    #expect(
      try place("<region:b>, <region> and <region:b>?", [region("b"), region("a")])
        == [.regions([0]), .text(", "), .regions([1]), .text(" and "), .regions([0]), .text("?")])
  }

  @Test("without marks the regions follow after one space")
  func following() throws {
    let two = [region(), region()]
    #expect(try place("what?", two) == [.text("what?"), .text(" "), .regions([0, 1])])
    #expect(try place("what?\n", two) == [.text("what?\n"), .regions([0, 1])])
    #expect(try place("what?", []) == [.text("what?")])
  }

  @Test(
    "what only looks like a mark is text",
    arguments: [
      "<Region>", "< region>", "<region", "<region:>", "<region:a", "<region:a<b>", "<region:a\nb>",
      "<regions>", "<region:\(String(repeating: "x", count: 65))>",
    ])
  func text(text: String) throws {
    #expect(RegionMarks(in: text).markCount == 0)
    #expect(try place(text, []) == [.text(text)])
    #expect(try place(text + "<region>é", [region()]) == [.text(text), .regions([0]), .text("é")])
  }

  @Test("marks and regions that do not fit together are refused")
  func refused() {
    func code(_ text: String, _ regions: [Region]) -> ReferringError.Code? {
      errorCode { () throws(ReferringError) in _ = try place(text, regions) }
    }
    #expect(code("<region>", []) == .markWithoutRegion)
    #expect(code("<region> <region>", [region()]) == .markWithoutRegion)
    #expect(code("<region:a> <region>", [region("a")]) == .markWithoutRegion)
    #expect(code("<region:c>", [region("a")]) == .markWithoutRegion)
    #expect(code("<region>", [region(), region()]) == .regionWithoutMark)
    #expect(code("<region:a>", [region("a"), region("b")]) == .regionWithoutMark)
    #expect(code("x", [region("a"), region("a")]) == .badRegionName)
    #expect(code("x", [region("a>")]) == .badRegionName)
    #expect(code("x", [region("")]) == .badRegionName)
    let many = String(repeating: "<region:a>", count: 257)
    #expect(code(many, [region("a")]) == .limit)
  }
}
