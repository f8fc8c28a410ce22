import Foundation
import Referring
import Testing

@Suite struct NotationParserTests {
  private func shapes(_ notation: Notation, _ text: String) -> [RegionShape] {
    notation.parse(text).map(\.shape)
  }

  private func box(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> RegionShape {
    .box(Box(x1: x1, y1: y1, x2: x2, y2: y2))
  }

  /// Time this thread has computed, so that a busy machine fails no test.
  private func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @Test("a region is found with the exact text and its place in bytes")
  func place() throws {
    let answer =
      "Là-bas ü: < box><box> [ 0.25 ,0.30,\n0.50, 0.62 ] </box>, et <point>[0.1,0.2]</point>."
    let found = Notation.mini.parse(answer)
    try #require(found.count == 2)
    #expect(found[0].text == "<box> [ 0.25 ,0.30,\n0.50, 0.62 ] </box>")
    #expect(found[0].shape == box(0.25, 0.3, 0.5, 0.62))
    #expect(found[1].shape == .point(Point(x: 0.1, y: 0.2)))
    for region in found {
      #expect(String(decoding: Array(answer.utf8)[region.range], as: UTF8.self) == region.text)
    }
  }

  @Test("reversed corners are put right, small overshoot is clamped")
  func tolerant() {
    #expect(shapes(.llava, "[0.9, 0.8, 0.1, 0.2]") == [box(0.1, 0.2, 0.9, 0.8)])
    #expect(shapes(.merlin, "[-20, 500, 1010, 600]") == [box(0, 0.5, 1, 0.6)])
    #expect(shapes(.mini, "<box>[0.1,0.2,0.3,0.4]") == [box(0.1, 0.2, 0.3, 0.4)])
  }

  @Test(
    "what is malformed is text, and does not hide the region after it",
    arguments: [
      "[0.1, 0.2, 0.3]", "[nan, 0.2]", "[0.1, x]", "[]", "[,]", "[0.1]", "[0.1 0.2]", "[0.1,, 0.2]",
      "[0.1, 0.2,]", "[0.1, 0.2", "[0.1.2, 0.3]", "[., 0.3]", "[1e-1, 0.2]", "[2019, 2020]", "[[",
      "[0.1; 0.2]", "[--1, 0.2]", "[00000000000000000000000000000000000000001, 0.5]", "[0.1, 0.2}",
    ])
  func malformed(text: String) {
    let good = "[0.10, 0.20]"
    #expect(Notation.llava.parse(text + " ").isEmpty)
    #expect(Notation.llava.parse(text + good).map(\.text) == [good])
  }

  @Test("bare brackets are text where the notation has wrappers")
  func wrappersNeeded() {
    #expect(
      Notation.mini.parse("[0.1,0.2,0.3,0.4] <b>[0.1,0.2]</b> <box>[[0.1,0.2]]</box>").isEmpty)
    #expect(Notation.mini.parse("<box>[0.1,0.2,0.3,0.4,0.5,0.6]</box>").isEmpty)
    #expect(Notation.chatspot.parse("<box>[0.1,0.2,0.3,0.4,0.5,0.6]</box>").count == 1)
  }

  @Test("several regions in one bracket are several, each with its own numbers")
  func oneBracket() {
    let found = Notation.shikra.parse("a [0.1,0.2,0.3,0.4; 0.5,0.6] b [0.7,0.8]")
    #expect(found.map(\.text) == ["0.1,0.2,0.3,0.4", "0.5,0.6", "[0.7,0.8]"])
    #expect(found.map(\.range) == [3..<18, 20..<27, 31..<40])
  }

  @Test("Merlin's tracks carry identity and frame")
  func tracks() {
    let answer =
      "[1, 2], person<Id1>Frame1:[193, 640, 279, 943];Frame2: [200, 640, 279, 943]</Id1> and "
      + "<Id12> Frame 3 : [1, 2, 3, 4]</Id12>, [5, 6]; <Idx>Frame1234567890:[7, 8]"
    let found = Notation.merlin.parse(answer)
    #expect(found.map(\.track) == [nil, 1, 1, 12, nil, nil])
    #expect(found.map(\.frame) == [nil, 1, 2, 3, nil, nil])
    #expect(found.count == 6 && found[1].text == "[193, 640, 279, 943]")
    #expect(Notation.llava.parse("<Id1>Frame1:[0.1, 0.2]").map(\.track) == [nil])
  }

  @Test("an answer holds no more regions than the limit")
  func limit() {
    let many = String(repeating: "[0.1,0.2;0.3,0.4]", count: 1000)
    for notation in [Notation.shikra, .merlin] {
      #expect(notation.parse(many.replacing(";", with: ",")).count == 256)
    }
    #expect(Notation.shikra.parse("[0.1,0.2]" + many).count == 256)
  }

  @Test("random bytes never trap, and whatever is found lies in the square")
  func garbage() {
    let alphabet = Array("[]<>/;:,.-+0123456789 \nboxpintIdFrame é\u{0}".utf8) + [0xFF, 0xC3]
    let words = [
      "<box>", "</box>", "<point>", "[", "]", "0.25", "0.1,0.2", "<Id1>", "Frame2:", ";",
    ]
    var random = SeededRandom(3)
    for _ in 0..<400 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...60, using: &random) {
        if Bool.random(using: &random) {
          bytes.append(alphabet.randomElement(using: &random) ?? 0)
        } else {
          bytes += Array((words.randomElement(using: &random) ?? "").utf8)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      for notation in Notation.all {
        var end = 0
        for region in notation.parse(text) {
          #expect(region.range.lowerBound >= end)
          end = region.range.upperBound
          #expect(
            region.shape.corners.allSatisfy { (0...1).contains($0.x) && (0...1).contains($0.y) })
        }
      }
    }
  }

  @Test(
    "a megabyte of the worst is read in linear time",
    arguments: [
      (Notation.mini, "["), (.merlin, "[ "), (.shikra, "[0.1,"), (.shikra, "[0.1,0.2;"),
      (.merlin, "7"), (.merlin, "<Id1"), (.merlin, "Frame1: ["), (.mini, "<box>["), (.mini, " "),
    ])
  func linear(notation: Notation, unit: String) {
    let text = "<box>[" + String(repeating: unit, count: (1 << 20) / unit.utf8.count)
    let start = threadSeconds()
    _ = notation.parse(text)
    // About a second in a debug build; anything that is not linear would take hours.
    #expect(threadSeconds() - start < 20)
  }
}
