import Glibc
import Testing

@testable import Messaging

/// How often strangers may come, as arithmetic.
@Suite("Connection budget")
struct ConnectionBudgetTests {
  private static let second: UInt64 = 1_000_000_000
  private let source = SourceNetwork.ipv4(0x0a00_0001)

  @Test("whatever a host tries, no more get in than the allowance, and it is let in again in time")
  func bounded() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var budget = ConnectionBudget()
      var now = UInt64.random(in: 0...Self.second, using: &random)
      let begin = now
      var admitted = 0
      for _ in 0..<2000 {
        let held = budget.held(now: now)
        if held.sources.contains(source) {
          #expect(try #require(held.until) <= now + Self.second)
          if Bool.random(using: &random) { now = try #require(held.until) }
        } else {
          _ = budget.arrived(from: source, now: now)
          admitted += 1
        }
        now += UInt64.random(in: 0...Self.second / 20, using: &random)
      }
      let seconds = Double(now - begin) / Double(Self.second)
      let allowance = ConnectionBudget.perSource
      #expect(Double(admitted) <= allowance.burst + seconds * allowance.perSecond + 2)
      #expect(Double(admitted) >= min(seconds * allowance.perSecond * 0.9, 1000))
    }
  }

  @Test("one host's strangers keep nobody else out; those of very many keep everybody out")
  func others() {
    var budget = ConnectionBudget()
    for _ in 0..<100 { _ = budget.arrived(from: source, now: 1) }
    #expect(budget.held(now: 1).sources == [source])
    #expect(!budget.held(now: 1).everybody)
    for _ in 0..<1000 { _ = budget.arrived(from: source, now: 1) }
    #expect(!budget.held(now: 1).everybody)
    for host in 0..<300 { _ = budget.arrived(from: .ipv4(UInt32(host)), now: 1) }
    #expect(budget.held(now: 1).everybody)
    #expect(!budget.held(now: 1 + 60 * Self.second).everybody)
    #expect(budget.held(now: 1 + 60 * Self.second).until == nil)
  }

  @Test("who turns out to be known costs nothing, however often it comes")
  func known() {
    var budget = ConnectionBudget()
    for _ in 0..<10_000 {
      budget.refund(budget.arrived(from: source, now: 1), now: 1)
    }
    #expect(budget.held(now: 1) == ConnectionBudget.Held())
    // Not what time has paid: others' debts are not theirs.
    let charge = budget.arrived(from: source, now: 1)
    for _ in 0..<33 { _ = budget.arrived(from: source, now: 60 * Self.second) }
    budget.refund(charge, now: 60 * Self.second)
    #expect(budget.held(now: 60 * Self.second).sources == [source])
  }
}

/// Strangers at a listening socket: real connections from several addresses of the loopback.
@Suite("Connection limit", .timeLimit(.minutes(1)))
struct ConnectionLimitTests {
  let server: KeyPair
  let client: KeyPair

  init() throws {
    server = try KeyPair.make()
    client = try KeyPair.make()
  }

  private func listen(_ bench: Bench) async throws -> (Peer, Address) {
    let peer = Peer(reactor: bench.far)
    let list = AllowList([client.publicKey], refusesForGood: true)
    try await peer.open(
      .router, .test { $0.security = .server(server, list) }, context: bench.context)
    return (peer, try await peer.bind(bench.address()))
  }

  private func connect(_ bench: Bench, to address: Address) async throws -> Peer {
    let peer = Peer(reactor: bench.near)
    let security = SocketSecurity.client(client, server: server.publicKey)
    try await peer.open(.dealer, .test { $0.security = security }, context: bench.context)
    try await peer.connect(address)
    return peer
  }

  /// Connections from an address of the loopback that say nothing.
  private final class Knocks {
    let address: Address
    let host: String
    private var descriptors: [Int32] = []

    init(at address: Address, from host: String) {
      self.address = address
      self.host = host
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    var count: Int { descriptors.count }

    /// Begins to connect once more.
    @discardableResult
    func begin() -> Int32 {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      descriptors.append(descriptor)
      guard case .tcp(_, let port?) = address.place else { return descriptor }
      Self.withName(host, 0) { _ = bind(descriptor, $0, $1) }
      Self.withName("127.0.0.1", port) { _ = Glibc.connect(descriptor, $0, $1) }
      return descriptor
    }

    /// Connects once more; false if nobody answers in time.
    func knock(milliseconds: Int) async throws -> Bool {
      let descriptor = begin()
      let end = ContinuousClock.now + .milliseconds(milliseconds)
      while true {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if poll(&waiting, 1, 0) == 1 { return waiting.revents & Int16(POLLERR) == 0 }
        if ContinuousClock.now > end { return false }
        try await Task.sleep(for: .milliseconds(2))
      }
    }

    private static func withName(
      _ host: String, _ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Void
    ) {
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      inet_pton(AF_INET, host, &name.sin_addr)
      withUnsafePointer(to: name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
  }

  @Test("a host of many strangers is held off and gets in again; others get in at once")
  func heldOff() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    let inside = try await connect(bench, to: address)
    try await inside.send([1])
    #expect(await router.next().bytes == [1])
    let strangers = Knocks(at: address, from: "127.0.0.2")
    // At once: time pays for those that come later.
    for _ in 0..<64 { strangers.begin() }
    await router.event { $0 == .connectionsLimited(from: "127.0.0.2") }
    #expect(try await !strangers.knock(milliseconds: 200))
    let others = Knocks(at: address, from: "127.0.0.3")
    #expect(try await others.knock(milliseconds: 20_000))
    let late = try await connect(bench, to: address)
    try await late.send([2])
    #expect(await router.next().bytes == [2])
    #expect(await !router.events.contains(where: isHeldOff))
    try await inside.send([3])
    #expect(await router.next().bytes == [3])
    #expect(try await strangers.knock(milliseconds: 30_000))
  }

  @Test("who is known may come as often as it likes, until it is shown out")
  func known() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    func comeAndGo(_ times: Int) async throws {
      for number in 0..<times {
        let dealer = try await connect(bench, to: address)
        try await dealer.send([UInt8(number)])
        #expect(await router.next().bytes == [UInt8(number)])
        await dealer.close()
      }
    }
    try await comeAndGo(100)
    #expect(await !router.events.contains(where: isHeldOff))
    await router.cutOff(client.publicKey)
    var dealers: [Peer] = []
    for _ in 0..<64 {
      let dealer = try await connect(bench, to: address)
      try await dealer.send([7])
      dealers.append(dealer)
    }
    await router.event(where: isHeldOff)
  }

  private let isHeldOff = { @Sendable (event: SocketEvent) in
    if case .connectionsLimited = event { true } else { false }
  }

  @Test("an IPv6 program drops what comes from its networks, and nothing else")
  func ipv6() throws {
    var name = sockaddr_in6()
    name.sin6_family = sa_family_t(AF_INET6)
    name.sin6_addr = in6addr_loopback
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    func withName(_ call: (UnsafeMutablePointer<sockaddr>) -> Int32) -> Int32 {
      withUnsafeMutablePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1, call)
      }
    }
    let listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    // A machine without IPv6 has nothing to be shown.
    guard listener >= 0, withName({ bind(listener, $0, size) }) == 0 else { return }
    #expect(Glibc.listen(listener, 8) == 0 && withName { getsockname(listener, $0, &size) } == 0)
    func connects() -> Bool {
      let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
      defer { close(descriptor) }
      _ = withName { Glibc.connect(descriptor, $0, size) }
      var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      return poll(&waiting, 1, 300) == 1
    }
    // The loopback's network is ::/64.
    let others: Set<SourceNetwork> = [.ipv6(network: 1), .ipv6(network: 1 << 63), .ipv4(0)]
    for (sources, isLetIn) in [
      (others, true), (others.union([.ipv6(network: 0)]), false), ([], true),
    ] {
      SourceFilter(sources: sources).attach(to: listener)
      #expect(connects() == isLetIn)
    }
    SourceFilter(everybody: true).attach(to: listener)
    #expect(!connects())
  }

  @Test("the address is free once the socket is closed, though strangers were held off")
  func addressIsFree() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    let strangers = Knocks(at: address, from: "127.0.0.2")
    for _ in 0..<64 { strangers.begin() }
    await router.event(where: isHeldOff)
    try await router.unbind(address)
    await router.event { if case .closed = $0 { true } else { false } }
    #expect(try await router.bind(address) == address)
  }
}
