/// Where regions stand in a turn's text.

import Testing

@testable import Requests

@Suite("the text of a turn with regions as parts")
struct TurnTextTests {
  @Test(
    "a region stands where its part stands, unless the text says where",
    arguments: [
      ([.text("What is at "), .region(id: nil), .text("?")], "What is at <region>?"),
      ([.text("What is at"), .region(id: nil), .text("?")], "What is at <region>?"),
      (
        [.text("Is"), .region(id: nil), .text("left of"), .region(id: nil), .text("?")],
        "Is <region> left of <region>?"
      ),
      ([.text("("), .region(id: nil), .text(") what?")], "(<region>) what?"),
      ([.region(id: nil), .text("What is this?")], "<region> What is this?"),
      ([.text("What is this?"), .region(id: nil)], "What is this? <region>"),
      ([.region(id: "a"), .text("What is <region:a>?")], "What is <region:a>?"),
      (
        [.region(id: "a"), .region(id: nil), .text("Is <region:a> it?")],
        "<region> Is <region:a> it?"
      ),
      ([.text("What is <region>?"), .region(id: nil)], "What is <region>?"),
      ([.text("one"), .text("two")], "one\ntwo"),
      ([.text("one "), .text("two")], "one two"),
      ([.text(""), .text("two")], "two"),
      ([.region(id: nil), .region(id: nil)], "<region> <region>"),
    ] as [([TurnText.Piece], String)])
  func marked(pieces: [TurnText.Piece], text: String) {
    var turn = TurnText()
    for piece in pieces { turn.append(piece) }
    #expect(turn.marked == text)
  }
}
