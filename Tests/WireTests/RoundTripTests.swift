import Testing
import Wire

@Suite("A message that goes out comes in as it was")
struct RoundTripTests {
  @Test("random messages of every kind come back equal", arguments: 0..<RandomMessages.kinds)
  func comesBackEqual(kind: Int) throws {
    var messages = RandomMessages(seed: UInt64(kind))
    for _ in 0..<60 {
      let message = messages.message(kind)
      #expect(try decode(encode(message)) == message)
    }
  }

  @Test("every kind has its own name and is told from the others")
  func namesDiffer() throws {
    var messages = RandomMessages(seed: 1)
    #expect(Set(messages.all().map(\.name)).count == RandomMessages.kinds)
  }

  @Test("5 MiB of activations come back bit for bit")
  func largeActivations() throws {
    var messages = RandomMessages(seed: 5)
    let data = [UInt8](unsafeUninitializedCapacity: 5 << 20) { buffer, count in
      for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 167) }
      count = buffer.count
    }
    let span = WireSpan(sequence: 1, firstPosition: 0, tokenCount: 640, kvBlocks: [3])
    let step = Message.step(
      Step(
        epoch: 1, number: 1, spans: [span],
        activations: WireTensor(type: .f16, shape: [640, 4096], data: data),
        timings: [messages.timing()]))
    let bytes = try encode(step)
    #expect(bytes.count < data.count + 200)
    #expect(try decode(bytes) == step)
  }

  @Test(
    "the densest steps that keep the rules stay within the unpack budget", arguments: [1, 1024])
  func densestSteps(blocks: Int) throws {
    let splices = (0..<64).map { Splice(image: 1, rowCount: 1, firstToken: $0) }
    let spans = (0..<1024).map {
      WireSpan(
        sequence: UInt64($0), firstPosition: 0, tokenCount: 64,
        tokenIDs: Array(repeating: 0, count: 64), kvBlocks: Array(repeating: 0, count: blocks),
        splices: splices)
    }
    let step = Message.step(Step(epoch: 1, number: 1, spans: spans))
    #expect(try decode(encode(step)) == step)
  }

  @Test("the densest query that keeps the rules stays within the unpack budget")
  func densestQuery() throws {
    let region = WireRegion(kind: .point, coordinates: [0, 0])
    let turn = WireTurn(
      speaker: .user, text: "", regions: Array(repeating: region, count: 256))
    let query = Message.referringQuery(
      ReferringQueryMessage(
        query: 0, images: [[0]], turns: Array(repeating: turn, count: 256)))
    #expect(try decode(encode(query)) == query)
  }

  @Test("a Hello of another protocol version brings its version and nothing else")
  func foreignHello() throws {
    let hello = Hello(
      protocolVersion: 7, role: .decoderWorker, name: "ignored", dataEndpoint: "not checked")
    let decoded = try decode(encode(.hello(hello)))
    #expect(decoded == .hello(Hello(protocolVersion: 7, role: .client)))
    guard case .hello(let foreign) = decoded else { return }
    #expect(!foreign.speaksOurVersion)

    let strange = ProtoBytes().message(
      1, ProtoBytes().number(1, 9).number(2, 99).bytes(3, [0xff, 0]).number(55, 1))
    #expect(try decode(strange.bytes) == .hello(Hello(protocolVersion: 9, role: .client)))
  }
}
