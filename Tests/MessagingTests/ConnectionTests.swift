import Glibc
import Messaging
import Testing

/// What happens to connections: over tcp and ipc, since inproc has none.
@Suite("Connections", .timeLimit(.minutes(1)))
struct ConnectionTests {
  @Test(
    "a dealer connects again when its peer comes back", arguments: [Address.Transport.tcp, .ipc])
  func reconnect(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let first = Peer(reactor: bench.far)
    try await first.open(.router, context: bench.context)
    let address = try await first.bind(bench.fixedAddress())
    let dealer = Peer(reactor: bench.near)
    try await dealer.open(.dealer, .test { $0.identity = [9] }, context: bench.context)
    try await dealer.connect(address)
    try await dealer.send([1])
    #expect(await first.next().bytes == [1])

    try await first.unbind(address)
    await first.event { if case .closed = $0 { true } else { false } }
    await first.close()
    await dealer.event { if case .disconnected = $0 { true } else { false } }
    // Nobody is there: the message waits in the outbox. The end of a connection is told before the
    // sending side has it, which may take some messages more and lose them.
    repeat { try await dealer.send([2]) } while await dealer.outboxMessageCount == 0

    let second = Peer(reactor: bench.far)
    try await second.open(.router, context: bench.context)
    #expect(try await second.bind(address) == address)
    #expect(await second.next() == Peer.Message(sender: PeerIdentity([9]), bytes: [2]))
    try await second.send([3], to: PeerIdentity([9]))
    #expect(await dealer.next().bytes == [3])
  }

  @Test("both sides see the connection come and go", arguments: [Address.Transport.tcp, .ipc])
  func events(transport: Address.Transport) async throws {
    let bench = try Bench(transport)
    defer { bench.end() }
    let pull = Peer(reactor: bench.far)
    try await pull.open(.pull, context: bench.context)
    let address = try await pull.bind(bench.address())
    await pull.event { $0 == .listening(endpoint: address.description) }
    let push = Peer(reactor: bench.near)
    try await push.open(.push, context: bench.context)
    try await push.connect(address)
    await push.event { $0 == .connected(endpoint: address.description) }
    await push.event { if case .handshakeSucceeded = $0 { true } else { false } }
    await pull.event { if case .accepted = $0 { true } else { false } }
    await pull.event { if case .handshakeSucceeded = $0 { true } else { false } }
    try await push.disconnect(address)
    await pull.event { if case .disconnected = $0 { true } else { false } }
  }

  @Test("a peer that is gone becomes unreachable, and what waited for it is dropped")
  func droppedForPeer() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let options = SocketOptions.test {
      $0.sendHighWaterMark = 1
      $0.receiveHighWaterMark = 1
    }
    let router = Peer(reactor: bench.near)
    try await router.open(.router, options, context: bench.context)
    let address = try await router.bind(bench.address())
    let dealer = Peer(reactor: bench.far)
    try await dealer.open(
      .dealer,
      .test {
        $0 = options
        $0.identity = [5]
        $0.lingerMilliseconds = 0
      },
      context: bench.context)
    try await dealer.connect(address)
    try await dealer.send([0])
    _ = await router.next()
    await dealer.stopReading()
    let large = (0..<30).map { [UInt8](repeating: UInt8($0), count: 1 << 20) }
    try await router.send(all: large, to: PeerIdentity([5]))
    let waiting = await router.outboxMessageCount
    #expect(waiting > 0)
    await dealer.close()
    let event = await router.event { if case .messagesDropped = $0 { true } else { false } }
    if case .messagesDropped(let peer, let count) = event {
      // Some may have gone into the kernel's buffers meanwhile.
      #expect(peer == PeerIdentity([5]) && (1...waiting).contains(count))
    }
    let error = await #expect(throws: MessagingError.self) {
      try await router.send([1], to: PeerIdentity([5]))
    }
    #expect(error?.code == .unreachable)
  }

  @Test(
    "what a peer sent before it went is read first, but a flood holds nobody up",
    arguments: [50, 9000])
  func readFirst(count: Int) async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let options = SocketOptions.test {
      ($0.sendHighWaterMark, $0.receiveHighWaterMark) = (10_000, 10_000)
    }
    let router = Peer(reactor: bench.near)
    try await router.open(.router, options, context: bench.context)
    let address = try await router.bind(bench.address())
    let dealer = Peer(reactor: bench.far)
    try await dealer.open(.dealer, options, context: bench.context)
    try await dealer.connect(address)
    try await dealer.send([0])
    _ = await router.next()
    await router.stopReading()
    try await dealer.send(all: Array(repeating: [1], count: count))
    await dealer.close()
    await router.event { if case .disconnected = $0 { true } else { false } }
    let read = await router.readAll()
    #expect(count < 100 ? read == count : (1024..<9000).contains(read), "\(read)")
  }

  @Test("a restarted worker takes its name over from the old connection")
  func handover() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let router = Peer(reactor: bench.near)
    try await router.open(.router, context: bench.context)
    let address = try await router.bind(bench.address())
    var workers: [Peer] = []
    for number: UInt8 in 1...2 {
      let worker = Peer(reactor: bench.far)
      try await worker.open(.dealer, .test { $0.identity = [8] }, context: bench.context)
      try await worker.connect(address)
      try await worker.send([number])
      #expect(await router.next() == Peer.Message(sender: PeerIdentity([8]), bytes: [number]))
      workers.append(worker)
    }
    try await router.send([3], to: PeerIdentity([8]))
    #expect(await workers[1].next().bytes == [3])
  }

  @Test("a file that is no socket is not deleted; a dead socket's file is taken over")
  func ipcFiles() async throws {
    let bench = try Bench(.ipc)
    defer { bench.end() }
    var template = Array("/tmp/messaging-XXXXXX".utf8CString)
    let folder = String(cString: try #require(mkdtemp(&template)))
    let path = folder + "/socket"
    let address = try Address("ipc://\(path)")
    defer {
      unlink(path)
      rmdir(folder)
    }
    Glibc.close(creat(path, 0o600))
    let pull = Peer(reactor: bench.near)
    try await pull.open(.pull, context: bench.context)
    let error = await #expect(throws: MessagingError.self) { _ = try await pull.bind(address) }
    #expect(error?.code == .invalidAddress)
    #expect(access(path, F_OK) == 0)

    unlink(path)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let bound = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(dead, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    Glibc.close(dead)
    #expect(try await pull.bind(address) == address)
  }

  @Test("IPv6 works beside IPv4 on one socket")
  func ipv6() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let pull = Peer(reactor: bench.far)
    try await pull.open(.pull, context: bench.context)
    let push = Peer(reactor: bench.near)
    try await push.open(.push, context: bench.context)
    for text in ["[::1]:*", "localhost:*", "127.0.0.1:*"] {
      let bound = try await pull.bind(Address(text))
      #expect(!bound.isWildcard && bound.isLoopback)
      try await push.connect(bound)
      await push.event { if case .handshakeSucceeded = $0 { true } else { false } }
      try await push.send(Array(text.utf8))
      #expect(await pull.next().bytes == Array(text.utf8))
      try await push.disconnect(bound)
      await pull.event { if case .disconnected = $0 { true } else { false } }
    }
    let unbindable = await #expect(throws: MessagingError.self) {
      _ = try await pull.bind(Address("tcp://192.0.2.77:*"))
    }
    #expect(unbindable?.code == .addressUnavailable)
    let wildcard = await #expect(throws: MessagingError.self) {
      try await push.connect(Address("tcp://*:5"))
    }
    #expect(wildcard?.code == .invalidAddress)
  }
}
