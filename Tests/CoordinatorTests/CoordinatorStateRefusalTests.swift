/// Queries that cannot be answered: refused with the reason, leaving nothing behind.

import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("coordinator: refused queries")
struct CoordinatorStateRefusalTests {
  @Test("an image that is none, is cut off or is too large is refused by its header")
  func images() throws {
    var cluster = try FakeCluster.ready()
    let picture = try FakeCluster.image()
    var huge = picture
    for (offset, byte) in [0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30].enumerated() {
      huge[16 + offset] = UInt8(byte)
    }
    let cases: [([UInt8], String)] = [
      (Array("no picture at all".utf8), "the image"), (Array(picture.prefix(20)), "the image"),
      (Array(picture.prefix(1)), "the image"), (huge, "30000×30000"),
    ]
    for (index, (file, word)) in cases.enumerated() {
      try cluster.ask(FakeCluster.query(UInt64(index), images: [file]))
      let error = try #require(cluster.take("client").errors.first)
      #expect(error.code == .invalidImage && error.query == UInt64(index))
      #expect(error.text.contains(word), "\(error.text)")
    }
    try cluster.ask(FakeCluster.query(9, images: [picture, huge]))
    #expect(cluster.take("client").errors.first?.text.hasPrefix("image 1 ") == true)
    #expect(cluster.sent.isEmpty)
    cluster.expectIdle()
  }

  @Test("what is wrong with text, turns and regions is said, and concerns that query alone")
  func queries() throws {
    var cluster = try FakeCluster.ready()
    let file = try FakeCluster.image()
    try cluster.ask(FakeCluster.query(100, images: [file]))
    _ = cluster.take("client")
    func query(_ change: (inout ReferringQueryMessage) -> Void) -> ReferringQueryMessage {
      var query = FakeCluster.query(1, images: [file])
      change(&query)
      return query
    }
    let outside = WireRegion(kind: .box, coordinates: [500, 500, 600, 600])
    let cases: [(ReferringQueryMessage, String)] = [
      (query { $0.turns[0].text = "  " }, "empty"),
      (query { $0.turns[0].regions = [outside] }, "outside"),
      (query { $0.turns[0].images = [] }, "the turns show the images []"),
      (query { $0.images.append(file) }, "the query has 2"),
      (
        query { $0.turns.append(WireTurn(speaker: .user, text: "and?")) }, "turn 2"
      ),
      (query { $0.turns[0].text = "<region> <region>" }, "region"),
    ]
    for (query, word) in cases {
      try cluster.ask(query)
      let errors = cluster.take("client").errors
      #expect(errors.map(\.code) == [.invalidQuery] && errors.first?.query == 1)
      #expect(errors.first?.text.contains(word) == true, "\(errors)")
    }
    #expect(cluster.state.queries.count == 1)
  }

  @Test("a prompt longer than the context is refused with both numbers")
  func tooLong() throws {
    var cluster = try FakeCluster.ready { $0.kvTokens = 128 }
    var query = FakeCluster.query(1)
    query.turns[0].text = String(repeating: "red ", count: 500)
    try cluster.ask(query)
    let error = try #require(cluster.take("client").errors.first)
    #expect(error.code == .invalidQuery && error.text.contains("the context holds 128"))
    #expect(!error.remedy.isEmpty)
    cluster.expectIdle()
  }

  @Test("a number that is under way is not taken twice by one client; another's is its own")
  func duplicate() throws {
    var cluster = try FakeCluster.ready()
    try cluster.joinClient("other")
    try cluster.ask(FakeCluster.query(1))
    try cluster.ask(FakeCluster.query(1), from: "other")
    _ = cluster.take("client")
    try cluster.ask(FakeCluster.query(1))
    #expect(cluster.take("client").errors.map(\.code) == [.invalidQuery])
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.count == 1)
    #expect(cluster.take("other").answers.count == 1)
    try cluster.ask(FakeCluster.query(1))
    #expect(cluster.take("client").errors.isEmpty)
  }

  @Test("beyond the most queries, the next is told to come later")
  func overload() throws {
    var cluster = try FakeCluster.ready { $0.queriesMax = 2 }
    for number in 1...3 as ClosedRange<UInt64> { try cluster.ask(FakeCluster.query(number)) }
    let errors = cluster.take("client").errors
    #expect(errors.map(\.query) == [3] && errors.map(\.code) == [.overloaded])
    try cluster.answerAll(2)
    try cluster.ask(FakeCluster.query(3))
    #expect(cluster.take("client").errors.isEmpty)
  }

  @Test("image files that wait take no more memory than allowed")
  func imageBytes() throws {
    let files = try FakeCluster.images(1...3)
    var cluster = try FakeCluster.ready { $0.imageBytesMax = 2 * files[0].count }
    for (number, file) in zip(UInt64(1)..., files) {
      try cluster.ask(FakeCluster.query(number, images: [file]))
    }
    let errors = cluster.take("client").errors
    #expect(errors.map(\.code) == [.overloaded] && errors[0].retryAfterSeconds != nil)
    try cluster.featuresReady(1)
    try cluster.answerAll(2)
    try cluster.ask(FakeCluster.query(4, images: [files[2]]))
    #expect(cluster.take("client").errors.isEmpty)
  }

  @Test("more images than stage 0 can ever hold are refused")
  func tooManyImages() throws {
    var cluster = try FakeCluster.ready { $0.featureCredits = 1 }
    let file = try FakeCluster.image()
    try cluster.ask(FakeCluster.query(1, images: [file, file]))
    #expect(cluster.take("client").errors.first?.text.contains("at most 1") == true)
  }

  @Test("a message over a limit of the wire ends its query with an error instead of a silence")
  func notSent() throws {
    var cluster = try FakeCluster.ready()
    try cluster.ask(FakeCluster.query(1))
    let step = try #require(cluster.steps().first)
    try cluster.ask(FakeCluster.query(2))
    let first = cluster.state.pipeline!.first
    cluster.state.notSent(.step(step), to: first, reason: "too large", now: 0)
    try cluster.collect()
    // Nothing is built on blocks that were never filled: the plan begins anew.
    #expect(cluster.take("client").errors.map(\.code) == [.internal])
    try cluster.allReady()
    try cluster.ask(FakeCluster.query(3))
    try cluster.answerAll(2)
    #expect(cluster.take("client").answers.map(\.query) == [2, 3])
    let answer = Answer(query: 7, text: "", finishReason: .stop)
    cluster.state.notSent(.answer(answer), to: PeerIdentity("client"), reason: "x", now: 0)
    try cluster.collect()
    #expect(cluster.take("client").errors.map(\.query) == [7])
    cluster.expectIdle()
  }
}
