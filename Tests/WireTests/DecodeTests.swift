import Testing
import Wire

@Suite("What only foreign bytes can hold is refused at the door")
struct DecodeTests {
  private static let version = UInt64(protocolVersion)
  private static let span = ProtoBytes().number(1, 1).number(3, 1).bytes(4, [7]).bytes(5, [0])
  private static let digest = [UInt8](repeating: 1, count: 32)
  private static func step(_ span: ProtoBytes) -> ProtoBytes {
    ProtoBytes().message(12, ProtoBytes().number(1, 1).number(2, 1).message(3, span))
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var bytes: [UInt8]
    var code: WireFault.Code
    var cause: String
    var testDescription: String { cause }

    init(_ message: ProtoBytes, _ code: WireFault.Code, _ cause: String) {
      bytes = message.bytes
      self.code = code
      self.cause = cause
    }
  }

  static let refusals: [Refusal] = [
    Refusal(ProtoBytes(), .malformed, "no message that this version knows"),
    Refusal(ProtoBytes().number(99, 1), .malformed, "no message that this version knows"),
    Refusal(ProtoBytes().number(6, 1), .malformed, "not a protobuf message"),
    Refusal(
      ProtoBytes().message(6, ProtoBytes().bytes(1, [0x61, 0xff])), .invalid,
      "Goodbye.reason is not UTF-8"),
    Refusal(
      ProtoBytes().message(6, ProtoBytes().bytes(1, [0xed, 0xa0, 0x80])), .invalid,
      "Goodbye.reason is not UTF-8"),
    Refusal(
      ProtoBytes().message(6, ProtoBytes().bytes(1, [0x61, 0, 0x62])), .invalid,
      "Goodbye.reason contains a zero byte"),
    Refusal(
      ProtoBytes().message(6, ProtoBytes().bytes(1, [0])), .invalid,
      "Goodbye.reason contains a zero byte"),
    Refusal(
      ProtoBytes().message(1, ProtoBytes().number(1, version)), .invalid, "Hello.role is missing"),
    Refusal(
      ProtoBytes().message(1, ProtoBytes().number(1, version).number(2, 4)), .invalid,
      "Hello.role has the unknown value 4"),
    Refusal(
      ProtoBytes().message(1, ProtoBytes().number(1, version).number(2, UInt64.max)), .invalid,
      "Hello.role has the unknown value 4294967295"),
    Refusal(
      ProtoBytes().message(
        1, ProtoBytes().number(1, version).number(2, 1).bytes(4, digest).number(6, 1 << 63)),
      .tooLarge,
      "Hello.memory_bytes is 9223372036854775808"),
    Refusal(
      ProtoBytes().message(7, ProtoBytes().number(1, 2).number(4, 5)), .invalid,
      "Error.query is 5 without about_query"),
    Refusal(
      ProtoBytes().message(8, ProtoBytes().number(1, 1).number(2, 1).bytes(3, digest)), .invalid,
      "EncodeImage.geometry is missing"),
    Refusal(
      ProtoBytes().message(9, ProtoBytes().number(1, 1).number(2, 1)), .invalid,
      "ImageFeatures.features is missing"),
    Refusal(
      ProtoBytes().message(
        9,
        ProtoBytes().number(1, 1).number(2, 1).message(
          3, ProtoBytes().number(1, 3).bytes(2, [1, 1]))
      ), .invalid, "Tensor.type has the unknown value 3"),
    Refusal(
      ProtoBytes().message(14, ProtoBytes().message(4, ProtoBytes().number(1, 1))), .invalid,
      "ReferringQuery.sampling is missing"),
    Refusal(
      ProtoBytes().message(17, ProtoBytes().number(3, 1).message(4, ProtoBytes())), .invalid,
      "AnswerRegion.region is missing"),
    Refusal(
      step(span.number(6, 1)), .invalid, "Span.sampling is missing where samples is set"),
    Refusal(
      step(span.message(7, ProtoBytes())), .invalid,
      "Span.sampling is given where samples is not set"),
    Refusal(
      step(
        ProtoBytes().number(1, 1).number(3, 1).bytes(4, [255, 255, 255, 255, 15]).bytes(5, [0])),
      .tooLarge, "Span.token_ids is 4294967295"),
    Refusal(
      ProtoBytes().message(14, ProtoBytes().bytes(2, [])), .invalid,
      "ReferringQuery.sampling is missing"),
  ]

  @Test("refuses, and says why", arguments: refusals)
  func refuses(_ refusal: Refusal) {
    let fault = #expect(throws: WireFault.self) { try decode(refusal.bytes) }
    #expect(fault?.code == refusal.code)
    #expect(fault?.message.contains(refusal.cause) == true, "\(fault?.description ?? "")")
  }

  @Test("the parts that the refusals are made of are let in when whole")
  func wholePartsAreLetIn() throws {
    let step = Step(
      epoch: 1, number: 1,
      spans: [
        WireSpan(sequence: 1, firstPosition: 0, tokenCount: 1, tokenIDs: [7], kvBlocks: [0])
      ])
    #expect(try decode(Self.step(Self.span).bytes) == .step(step))
  }

  @Test("repeated numbers may also come unpacked, one by one")
  func unpackedNumbers() throws {
    let span = ProtoBytes().number(1, 1).number(3, 2).number(4, 7).number(4, 8).number(5, 0)
    guard case .step(let step) = try decode(Self.step(span).bytes) else {
      Issue.record("no step")
      return
    }
    #expect(step.spans.first?.tokenIDs == [7, 8])
  }

  @Test("bytes over the limit are refused before they are unpacked")
  func sizeLimit() throws {
    var limits = WireLimits.standard
    limits.messageBytes = 8
    let bytes = try encode(.goodbye(Goodbye(reason: "1234")), limits: limits)
    #expect(bytes.count == 8)
    #expect(try decode(bytes, limits: limits) == .goodbye(Goodbye(reason: "1234")))
    let garbage = #expect(throws: WireFault.self) {
      try decode([UInt8](repeating: 0xff, count: 9), limits: limits)
    }
    #expect(garbage?.code == .tooLarge)
    let fault = #expect(throws: WireFault.self) {
      try encode(.goodbye(Goodbye(reason: "12345")), limits: limits)
    }
    #expect(fault?.code == .tooLarge)
    #expect(fault?.message == "Goodbye is 9 bytes, more than the limit of 8")
  }
}
