import Testing

@testable import Wire

@Suite("Damaged bytes are refused or understood, never more")
struct SweepTests {
  /// Decodes; what is let in must be fit to be sent again and come back the same.
  private func tryDoor(_ bytes: [UInt8]) throws -> Bool {
    let budget = UnpackBudget(bytes: WireLimits.standard.unpackBytes(for: bytes.count))
    _ = try? UnpackedEnvelope(bytes, within: budget)
    #expect(budget.allocationsLive == 0, "leaks on \(bytes)")
    guard let message = try? decode(bytes) else { return false }
    #expect(try decode(encode(message)) == message)
    return true
  }

  @Test("every truncation of every kind", arguments: 0..<RandomMessages.kinds)
  func truncations(kind: Int) throws {
    var messages = RandomMessages(seed: 100 + UInt64(kind))
    let bytes = try encode(messages.message(kind))
    for length in 0..<bytes.count {
      #expect(try !tryDoor(Array(bytes[..<length])), "\(length) of \(bytes.count) bytes are let in")
    }
  }

  @Test("every flipped bit of every kind", arguments: 0..<RandomMessages.kinds)
  func bitFlips(kind: Int) throws {
    var messages = RandomMessages(seed: 200 + UInt64(kind))
    let bytes = Array(try encode(messages.message(kind)))
    var refused = 0
    for bit in 0..<min(bytes.count, 400) * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << (bit % 8)
      if try !tryDoor(damaged) { refused += 1 }
    }
    #expect(refused > 0)
  }

  @Test("two messages in one are the last one or refused", arguments: 0..<RandomMessages.kinds)
  func concatenations(kind: Int) throws {
    var messages = RandomMessages(seed: 300 + UInt64(kind))
    let first = try encode(messages.message(kind))
    for second in messages.all() {
      #expect(try tryDoor(first + encode(second)))
      #expect(try decode(first + encode(second)) == second)
    }
  }

  @Test("memory refused at any point leaks nothing", arguments: 0..<RandomMessages.kinds)
  func everyBudget(kind: Int) throws {
    var messages = RandomMessages(seed: 400 + UInt64(kind))
    // Twice the same fields in the body, so that protobuf-c merges submessages too, and an unknown
    // one.
    let bytes = try encode(messages.message(kind))
    let number = RandomMessages.number(of: kind)
    let tag = number < 16 ? 1 : 2
    let header = tag + (bytes[tag] < 0x80 ? 1 : 2)
    let body = Array(bytes[header...])
    let doubled = ProtoBytes().bytes(
      UInt64(number), body + body + ProtoBytes().text(99, "unknown").bytes
    ).bytes
    let all = UnpackBudget(bytes: 1 << 20)
    _ = try UnpackedEnvelope(doubled, within: all)
    #expect(all.allocationsLive == 0)
    for bytes in 0..<all.bytesAsked {
      let budget = UnpackBudget(bytes: bytes)
      #expect(throws: WireFault.self) { _ = try UnpackedEnvelope(doubled, within: budget) }
      #expect(budget.isExceeded && budget.allocationsLive == 0 && budget.bytesAsked <= bytes)
    }
  }

  @Test(
    "a bomb of empty submessages is refused over budget",
    arguments: [
      (3, 40), (12, 3), (12, 5), (14, 4), (17, 4), (13, 3), (31, 3), (31, 4),
    ] as [(UInt64, UInt64)]
  )
  func bomb(body: UInt64, field: UInt64) throws {
    var inside = ProtoBytes()
    for _ in 0..<2000 { inside = inside.bytes(field, []) }
    let bytes = ProtoBytes().bytes(
      body, Array(repeating: inside.bytes, count: 50).flatMap { $0 }
    ).bytes
    let fault = #expect(throws: WireFault.self) { try decode(bytes) }
    #expect(fault?.code == .overBudget)
  }

  @Test("a bomb of unknown fields is refused over budget, a few are ignored")
  func unknownFields() throws {
    let goodbye = ProtoBytes().text(1, "done")
    let some = goodbye.number(77, 3).text(99, "from the future").bytes
    #expect(
      try decode(ProtoBytes().bytes(6, some).number(99, 1).bytes)
        == .goodbye(Goodbye(reason: "done")))
    let many =
      some + Array(repeating: ProtoBytes().number(15, 0).bytes, count: 100_000).flatMap { $0 }
    let fault = #expect(throws: WireFault.self) { try decode(ProtoBytes().bytes(6, many).bytes) }
    #expect(fault?.code == .overBudget)
  }
}
