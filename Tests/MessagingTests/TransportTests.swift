import Messaging
import Testing

/// What holds over every transport alike.
@Suite("Every transport", .timeLimit(.minutes(1)))
struct TransportTests {
  @Test(
    "a router answers several dealers by their identities", arguments: Address.Transport.allCases)
  func routerAndDealers(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let router = Peer(reactor: bench.far)
    try await router.open(.router, context: bench.context)
    let address = try await router.bind(bench.address())
    await router.echo()

    for name in ["one", "two"] {
      // Two actors share the near reactor.
      let dealer = Peer(reactor: bench.near)
      try await dealer.open(
        .dealer, .test { $0.identity = Array(name.utf8) }, context: bench.context)
      try await dealer.connect(address)
      for bytes in [Array(name.utf8), [], [0]] {
        try await dealer.send(bytes)
        #expect(await dealer.next() == Peer.Message(sender: nil, bytes: bytes))
        #expect(await router.next() == Peer.Message(sender: PeerIdentity(name), bytes: bytes))
      }
    }
  }

  @Test("4 MiB arrive intact both ways", arguments: Address.Transport.allCases)
  func largeMessages(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let router = Peer(reactor: bench.far)
    try await router.open(.router, context: bench.context)
    let address = try await router.bind(bench.address())
    await router.echo()
    let dealer = Peer(reactor: bench.near)
    try await dealer.open(.dealer, context: bench.context)
    try await dealer.connect(address)
    let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    try await dealer.send(bytes)
    #expect(await dealer.next().bytes == bytes)
  }

  @Test("the sender refuses what is too large", arguments: Address.Transport.allCases)
  func tooLargeForSender(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let push = Peer(reactor: bench.near)
    let options = SocketOptions.test {
      $0.maxMessageBytes = 1000
      $0.lingerMilliseconds = 0
    }
    try await push.open(.push, options, context: bench.context)
    try await push.send([UInt8](repeating: 1, count: 1000))
    let error = await #expect(throws: MessagingError.self) {
      try await push.send([UInt8](repeating: 1, count: 1001))
    }
    #expect(error?.code == .tooLarge)
    #expect(error?.message.contains("1001") == true)
  }

  @Test("the receiver drops what is too large and says so", arguments: Address.Transport.allCases)
  func tooLargeForReceiver(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let pull = Peer(reactor: bench.far)
    try await pull.open(.pull, .test { $0.maxMessageBytes = 1000 }, context: bench.context)
    let address = try await pull.bind(bench.address())
    let push = Peer(reactor: bench.near)
    try await push.open(.push, context: bench.context)
    try await push.connect(address)
    try await push.send([UInt8](repeating: 1, count: 1001))
    let refused = await pull.event {
      switch $0 {
      case .messageRefused, .disconnected: true
      default: false
      }
    }
    if transport == .inproc {
      #expect(refused == .messageRefused(peer: nil, reason: .tooLarge(bytes: 1001)))
    }
    // The connection recovers, and only the good message arrives.
    if transport != .inproc {
      await push.event { if case .disconnected = $0 { true } else { false } }
      await push.event { if case .handshakeSucceeded = $0 { true } else { false } }
    }
    try await push.send([7])
    #expect(await pull.next().bytes == [7])
  }

  @Test("an unknown peer is unreachable", arguments: Address.Transport.allCases)
  func unreachable(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let router = Peer(reactor: bench.near)
    try await router.open(.router, context: bench.context)
    _ = try await router.bind(bench.address())
    for identity in [PeerIdentity("nobody"), PeerIdentity([])] {
      let error = await #expect(throws: MessagingError.self) {
        try await router.send([1], to: identity)
      }
      #expect(error?.code == .unreachable)
      #expect(error?.message.contains(identity.description) == true)
    }
  }

  @Test("the outbox is bounded, and keeps order", arguments: Address.Transport.allCases)
  func congestion(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let address = try await bench.fixedAddress()
    let options = SocketOptions.test {
      $0.sendHighWaterMark = 2
      $0.receiveHighWaterMark = 2
      $0.outboxMessages = 10
    }
    let push = Peer(reactor: bench.near)
    try await push.open(.push, options, context: bench.context)
    try await push.connect(address)
    var sent: [[UInt8]] = []
    let error = await #expect(throws: MessagingError.self) {
      while sent.count < 100 {
        let message = [UInt8(sent.count)]
        try await push.send(message)
        sent.append(message)
      }
    }
    #expect(error?.code == .congested)
    #expect(await push.outboxMessageCount == 10)
    // Over inproc ZeroMQ holds up to both high-water marks by itself.
    #expect((10...14).contains(sent.count))

    let pull = Peer(reactor: bench.far)
    try await pull.open(.pull, options, context: bench.context)
    _ = try await pull.bind(address)
    #expect(await pull.next(sent.count).map(\.bytes) == sent)
    #expect(await push.outboxMessageCount == 0)
  }

  @Test("a shutdown delivers what is queued", arguments: Address.Transport.allCases)
  func shutdownWithQueue(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let address = try await bench.fixedAddress()
    let push = Peer(reactor: bench.near)
    try await push.open(.push, .test { $0.sendHighWaterMark = 5 }, context: bench.context)
    try await push.connect(address)
    let messages = (0..<100).map { [UInt8($0)] }
    let pull = Peer(reactor: bench.far)
    // See `close()` and `receiveHighWaterMark` for what ZeroMQ asks of the receiver's mark.
    let mark = transport == .inproc ? 5 : 256
    try await pull.open(.pull, .test { $0.receiveHighWaterMark = mark }, context: bench.context)
    try await push.send(all: messages)
    _ = try await pull.bind(address)
    bench.near.shutdown()
    #expect(await pull.next(100).map(\.bytes) == messages)
    await #expect(throws: MessagingError.self) { try await push.send([1]) }
  }

  @Test("a blocked peer of a router holds up nobody else", arguments: Address.Transport.allCases)
  func routerCongestion(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let options = SocketOptions.test {
      $0.sendHighWaterMark = 1
      $0.receiveHighWaterMark = 1
      $0.outboxMessages = 1000
    }
    let router = Peer(reactor: bench.near)
    try await router.open(.router, options, context: bench.context)
    let address = try await router.bind(bench.address())
    let slow = Peer(reactor: bench.far)
    let quick = Peer(reactor: bench.far)
    for (peer, name) in [(slow, "slow"), (quick, "quick")] {
      try await peer.open(
        .dealer,
        .test {
          $0 = options
          $0.identity = Array(name.utf8)
        }, context: bench.context)
      try await peer.connect(address)
      try await peer.send([0])
      _ = await router.next()
    }
    await slow.stopReading()
    // Large enough to fill the kernel's buffers between the two.
    let large = (0..<20).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
    try await router.send(all: large, to: PeerIdentity("slow"))
    #expect(await router.outboxMessageCount > 0)
    let small = (0..<20).map { [UInt8($0)] }
    try await router.send(all: small, to: PeerIdentity("quick"))
    #expect(await quick.next(20).map(\.bytes) == small)
    #expect(await router.outboxMessageCount > 0)
    await slow.resumeReading()
    #expect(await slow.next(20).map(\.bytes) == large)
  }

  @Test(
    "a second listener is told that the address is in use", arguments: Address.Transport.allCases)
  func addressInUse(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let first = Peer(reactor: bench.near)
    try await first.open(.pull, context: bench.context)
    let address = try await first.bind(bench.address())
    let second = Peer(reactor: bench.far)
    try await second.open(.pull, context: bench.context)
    let error = await #expect(throws: MessagingError.self) { _ = try await second.bind(address) }
    #expect(error?.code == .addressInUse)
    #expect(error?.remedy.isEmpty == false)
  }
}
