import Foundation
import Messaging
import Testing

/// Who gets in: real sockets with CURVE, and what becomes of those who do not belong there.
@Suite("Keys", .timeLimit(.minutes(1)))
struct KeysTests {
  let server: KeyPair
  let client: KeyPair
  let list: AllowList

  init() throws {
    server = try KeyPair.make()
    client = try KeyPair.make()
    list = AllowList([client.publicKey], refusesForGood: true)
  }

  /// A listening peer with keys, and where it listens.
  private func listen(
    _ bench: Bench, _ kind: SocketKind = .router, allowing list: AllowList? = nil
  ) async throws -> (Peer, Address) {
    let peer = Peer(reactor: bench.far)
    try await peer.open(
      kind, .test { $0.security = .server(server, list ?? self.list) }, context: bench.context)
    return (peer, try await peer.bind(bench.address()))
  }

  private func connect(
    _ bench: Bench, _ kind: SocketKind = .dealer, to address: Address, _ security: SocketSecurity
  ) async throws -> Peer {
    let peer = Peer(reactor: bench.near)
    try await peer.open(kind, .test { $0.security = security }, context: bench.context)
    try await peer.connect(address)
    return peer
  }

  @Test("the owner of a key on the list is heard, and known by that key")
  func rightKey() async throws {
    for transport in [Address.Transport.tcp, .ipc] {
      let bench = try Bench(transport)
      defer { bench.end() }
      let (router, address) = try await listen(bench)
      let dealer = try await connect(
        bench, to: address, .client(client, server: server.publicKey))
      try await dealer.send([1, 2])
      let message = await router.next()
      #expect(message.bytes == [1, 2] && message.key == client.publicKey)
      try await router.send([3], to: message.sender)
      #expect(await dealer.next().bytes == [3])
    }
  }

  @Test("a key that is not on the list is refused, and its owner is told")
  func unknownKey() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    let stranger = try await connect(
      bench, to: address, .client(try KeyPair.make(), server: server.publicKey))
    try await stranger.send([6])
    await stranger.event { if case .keyRefused = $0 { true } else { false } }
    // Who belongs there is heard, and nothing came before.
    let dealer = try await connect(bench, to: address, .client(client, server: server.publicKey))
    try await dealer.send([7])
    #expect(await router.next().bytes == [7])
  }

  @Test("without a key, or with another server's, no handshake succeeds")
  func noKeyOrWrongServer() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    for security in [SocketSecurity.none, .client(client, server: try KeyPair.make().publicKey)] {
      let stranger = try await connect(bench, to: address, security)
      try await stranger.send([6])
      await stranger.event { if case .handshakeFailed = $0 { true } else { false } }
      await stranger.close()
    }
    let dealer = try await connect(bench, to: address, .client(client, server: server.publicKey))
    try await dealer.send([7])
    #expect(await router.next().bytes == [7])
  }

  @Test("a client with keys does not speak with a server that has none")
  func plainServer() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let router = Peer(reactor: bench.far)
    try await router.open(.router, context: bench.context)
    let address = try await router.bind(bench.address())
    let dealer = try await connect(bench, to: address, .client(client, server: server.publicKey))
    try await dealer.send([6])
    await dealer.event { if case .handshakeFailed = $0 { true } else { false } }
    let plain = try await connect(bench, to: address, .none)
    try await plain.send([7])
    #expect(await router.next().bytes == [7])
  }

  @Test("a message of a key revoked meanwhile is refused, its connection ends, and it stays out")
  func revokedKey() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    let dealer = try await connect(bench, to: address, .client(client, server: server.publicKey))
    try await dealer.send([1])
    #expect(await router.next().bytes == [1])
    list.replace([])
    try await dealer.send([2])
    await router.event { $0 == .messageRefused(peer: nil, reason: .keyNotAllowed) || isRefusal($0) }
    await dealer.event { if case .disconnected = $0 { true } else { false } }
    await dealer.event { if case .keyRefused = $0 { true } else { false } }
  }

  @Test("cutting a key off ends its connection though it sends nothing, and nobody else's")
  func cutOff() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let other = try KeyPair.make()
    list.replace([client.publicKey, other.publicKey])
    let (router, address) = try await listen(bench)
    var dealers: [Peer] = []
    for pair in [client, other] {
      let dealer = try await connect(bench, to: address, .client(pair, server: server.publicKey))
      try await dealer.send([1])
      _ = await router.next()
      dealers.append(dealer)
    }
    list.replace([other.publicKey])
    await router.cutOff(client.publicKey)
    await dealers[0].event { if case .keyRefused = $0 { true } else { false } }
    try await dealers[1].send([9])
    #expect(await router.next().bytes == [9])
    let ended = await dealers[1].events.contains {
      if case .disconnected = $0 { true } else { false }
    }
    #expect(!ended)
  }

  @Test("cutting off ends the connection that stands, though an earlier one had its descriptor")
  func cutOffComesAgain() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (router, address) = try await listen(bench)
    for isLast in [false, false, true] {
      let dealer = try await connect(bench, to: address, .client(client, server: server.publicKey))
      try await dealer.send([1])
      #expect(await router.next().bytes == [1])
      if isLast {
        await router.cutOff(client.publicKey)
        await dealer.event { if case .disconnected = $0 { true } else { false } }
      } else {
        await dealer.close()
        await router.event { if case .disconnected = $0 { true } else { false } }
      }
    }
  }

  @Test("who comes before the list knows of it is let in as soon as it does, if refusals may end")
  func allowedLater() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let list = AllowList(refusesForGood: false)
    let (pull, address) = try await listen(bench, .pull, allowing: list)
    let push = try await connect(
      bench, .push, to: address, .client(client, server: server.publicKey))
    try await push.send([5])
    await push.event { if case .connected = $0 { true } else { false } }
    try await Task.sleep(for: .milliseconds(100))
    list.replace([client.publicKey])
    #expect(await pull.next().bytes == [5])
    // Refused, it would have to come again.
    let isRefused = await push.events.contains {
      if case .disconnected = $0 { true } else { false }
    }
    #expect(!isRefused)
  }

  @Test("who the list never learns of is refused in the end, and hears nothing meanwhile")
  func neverAllowed() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let (pull, address) = try await listen(
      bench, .pull, allowing: AllowList(refusesForGood: false))
    let push = try await connect(
      bench, .push, to: address, .client(client, server: server.publicKey))
    try await push.send([5])
    await pull.event { $0.refusal == .key }
    #expect(await push.outboxMessageCount == 1)
  }

  private func isRefusal(_ event: SocketEvent) -> Bool {
    if case .messageRefused(_, .keyNotAllowed) = event { true } else { false }
  }
}

/// Keys in files.
@Suite("Key files")
final class KeyFileTests {
  private let directory = KeyDirectory(
    path: FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path)

  deinit { try? FileManager.default.removeItem(atPath: directory.path) }

  @Test("a new directory has a coordinator and one of each role, for their owner's eyes alone")
  func make() throws {
    try directory.make()
    let coordinator = try directory.coordinatorFile()
    let list = try directory.list()
    #expect(list.identities.map(\.role) == [.worker, .vision, .client])
    for identity in list.identities {
      let file = try KeyDirectory.file(at: directory.path, for: identity.role)
      #expect(file.identity == identity && file.coordinator == coordinator.pair.publicKey)
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
      let path = directory.path + "/" + name
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      #expect(mode as? Int == 0o600)
    }
    #expect(throws: MessagingError.self) { try directory.make() }
  }

  @Test("a key file that others may read is refused, with the remedy")
  func readableByOthers() throws {
    try directory.make()
    chmod(directory.keyPath("worker"), 0o644)
    let error = #expect(throws: MessagingError.self) {
      try KeyFile(at: directory.keyPath("worker"))
    }
    #expect(error?.code == .invalidKey && error?.remedy.contains("chmod 600") == true)
  }

  @Test("names are taken once, revoked ones are gone, and no secret is ever shown")
  func addAndRevoke() throws {
    try directory.make()
    let file = try directory.add("rack-2", role: .worker)
    #expect(throws: MessagingError.self) { try directory.add("rack-2", role: .client) }
    #expect(throws: MessagingError.self) { try directory.add("../x", role: .client) }
    #expect(throws: MessagingError.self) { try directory.add("boss", role: .coordinator) }
    #expect(try directory.list()["rack-2"]?.key == file.pair.publicKey)
    #expect(!"\(file) \(file.pair)".contains(file.pair.secretText))
    var dumped = ""
    dump(file, to: &dumped)
    #expect(!dumped.contains(file.pair.secretText))
    _ = try directory.revoke("rack-2")
    #expect(try directory.list()["rack-2"] == nil)
    #expect(throws: MessagingError.self) { try directory.revoke("rack-2") }
  }

  @Test("a change of the list is seen; a damaged list leaves the one before")
  func watched() throws {
    try directory.make()
    var watched = try WatchedIdentities(directory)
    let unchanged = try watched.refresh()
    _ = try directory.add("late", role: .vision)
    let changed = try watched.refresh()
    #expect(!unchanged && changed && watched.list["late"]?.role == .vision)
    try "late vision".write(toFile: directory.listPath, atomically: false, encoding: .utf8)
    let error = #expect(throws: MessagingError.self) { try watched.refresh() }
    #expect(error?.message.contains("line 1") == true)
    let again = try watched.refresh()
    #expect(!again && watched.list["late"] != nil)
  }

  @Test(
    "what is no key is refused",
    arguments: ["", "short", String(repeating: "~", count: 40), String(repeating: "#", count: 40)])
  func noKey(text: String) throws {
    #expect(throws: MessagingError.self) { try PublicKey(text) }
    #expect(throws: MessagingError.self) { try KeyPair(secretText: text) }
    let pair = try KeyPair.make()
    #expect(try PublicKey(bytes: pair.publicKey.bytes) == pair.publicKey)
    #expect(try KeyPair(secretText: pair.secretText) == pair)
  }
}
