import Testing
import Wire

@Suite("Every rule of the protocol refuses what breaks it")
struct ValidationTests {
  @Test("the whole messages are let in", arguments: Whole.all)
  func wholeMessages(message: Message) throws {
    #expect(try decode(encode(message)) == message)
  }

  @Test(
    "refuses, and names the field and the value",
    arguments: BrokenRule.membership + BrokenRule.transfer + BrokenRule.images + BrokenRule.steps
      + BrokenRule.queries + BrokenRule.answers)
  func refuses(rule: BrokenRule) {
    let fault = #expect(throws: WireFault.self) { try encode(rule.message) }
    #expect(fault?.code == .invalid || fault?.code == .tooLarge)
    #expect(fault?.message.hasPrefix(rule.cause) == true, "\(fault?.message ?? "")")
  }

  @Test("what breaks a rule inside foreign bytes is refused by the same rule")
  func sameRulesComingIn() throws {
    // Field 2 of StageTiming is a double, which is never length-prefixed.
    let timing = ProtoBytes().number(1, 1).bytes(2, [])
    #expect(throws: WireFault.self) {
      try decode(ProtoBytes().message(13, ProtoBytes().message(4, timing)).bytes)
    }
    let tokens = ProtoBytes().number(1, 0).number(2, 1)
    let fault = #expect(throws: WireFault.self) {
      try decode(ProtoBytes().message(13, tokens).bytes)
    }
    #expect(fault?.message == "Tokens.epoch is 0")
    let encoded = #expect(throws: WireFault.self) {
      try encode(.tokens(Tokens(epoch: 0, number: 1, tokens: [])))
    }
    #expect(encoded == fault)
  }
}
