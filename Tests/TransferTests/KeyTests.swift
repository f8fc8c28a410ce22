import Checkpoints
import Foundation
import Messaging
import Synchronization
import Testing
import Wire

@testable import Transfer

/// Tensors in a cluster with keys: real sockets with CURVE.
@Suite("Tensors and keys", .serialized, .timeLimit(.minutes(1)))
final class KeyTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "chatspot-tensor-keys-\(UUID())")
  private let log = LogLines()
  private let refused = Refused()
  private let coordinator: KeyPair
  private let holder: KeyPair
  private let worker: KeyPair
  private let model: ScratchModel

  init() throws {
    (coordinator, holder, worker) = (try .make(), try .make(), try .make())
    model = try ScratchModel(in: directory.appending(path: "model"), layers: 3, mebibytes: 3)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private final class Refused: Sendable {
    private let reasons = Mutex<[Refusal]>([])
    func note(_ reason: Refusal) { reasons.withLock { $0.append(reason) } }
    var all: [Refusal] { reasons.withLock(\.self) }
  }

  /// A server that lets in the two workers.
  private func serve(_ keys: KeyPair, describes: Bool = false) async throws -> (
    server: TensorServer, holder: TensorHolder
  ) {
    let server = try TensorServer(
      model.checkpoint, modelDigest: model.modelDigest, describes: describes, keys: keys,
      logger: log.logger)
    let address = try await server.start(
      at: .loopback(port: 0), onRefusal: { [refused] in refused.note($0) })
    server.allow([holder.publicKey, worker.publicKey])
    return (server, TensorHolder(address, key: keys.publicKey))
  }

  private func fetcher(_ keys: KeyPair, trusting peers: AllowList) throws -> TensorFetcher {
    try TensorFetcher(
      cache: TensorCache(directory: directory.appending(path: "cache"), bytesMax: 1 << 30),
      isInsecure: false, keys: (own: keys, peers: peers), logger: log.logger)
  }

  private func request(_ coordinator: TensorHolder, peers: [TensorHolder] = []) -> FetchRequest {
    FetchRequest(modelDigest: model.modelDigest, coordinator: coordinator, peers: peers) { _ in
      (0..<3).map(ScratchModel.part)
    }
  }

  private func expectWhole(_ fetched: Checkpoint) throws {
    for layer in 0..<3 {
      let name = ScratchModel.name(layer)
      #expect(
        try fetched.storedBytes(of: name, in: 0..<3 << 20)
          == model.checkpoint.storedBytes(of: name, in: 0..<3 << 20))
    }
  }

  private var firstByte: [UInt8] {
    get throws {
      try encode(
        .tensorRequest(
          TensorRequest(
            modelDigest: model.modelDigest, name: ScratchModel.name(0), offset: 0, length: 1)))
    }
  }

  @Test("a worker takes what it lacks from workers and the coordinator, each known by its key")
  func fetches() async throws {
    let (server, describing) = try await serve(coordinator, describes: true)
    let (peer, giving) = try await serve(holder)
    let fetcher = try fetcher(worker, trusting: peer.allowed)
    try expectWhole(try await fetcher.fetch(request(describing, peers: [giving])))
    #expect(await peer.givenBytes == 9 << 20)
    #expect(await server.givenBytes == 0)
    await fetcher.stop()
    for server in [server, peer] { await server.stop() }
  }

  @Test("a key that is not a worker's gets no byte, nor does who has none; both are counted")
  func strangers() async throws {
    for describes in [true, false] {
      let (server, holder) = try await serve(coordinator, describes: describes)
      for (security, reason) in [
        (SocketSecurity.client(try .make(), server: coordinator.publicKey), Refusal.key),
        (.none, .handshake), (.client(worker, server: try KeyPair.make().publicKey), .handshake),
      ] {
        let before = refused.all.count { $0 == reason }
        let stranger = try RawPeer(holder.address, security)
        try await stranger.connect()
        try await stranger.send(firstByte)
        try await until { self.refused.all.count { $0 == reason } > before }
        #expect(await stranger.answered == 0)
        await stranger.stop()
      }
      let known = try RawPeer(holder.address, .client(worker, server: coordinator.publicKey))
      try await known.connect()
      guard case .tensorChunk(let chunk)? = try await known.ask(firstByte) else {
        Issue.record("no chunk came")
        return
      }
      #expect(chunk.data.count == 1)
      #expect(await server.givenBytes == 1)
      await known.stop()
      await server.stop()
    }
    #expect(log.text.contains("refused at the tensor port: 1 with a key that is not on"))
  }

  @Test("a key that is revoked is cut off at once, and gets nothing more")
  func revoked() async throws {
    let (server, holder) = try await serve(coordinator, describes: true)
    let peer = try RawPeer(holder.address, .client(worker, server: coordinator.publicKey))
    try await peer.connect()
    _ = try await peer.ask(firstByte)
    server.allow([self.holder.publicKey])
    try await until {
      await peer.events.contains { if case .disconnected = $0 { true } else { false } }
    }
    try await peer.send(firstByte)
    try await until { self.refused.all.contains(.key) }
    #expect(await peer.answered == 1)
    #expect(await server.givenBytes == 1)
    await peer.stop()
    await server.stop()
  }

  @Test("who listens where a worker should, with another key, is not taken from")
  func impostor() async throws {
    let (server, describing) = try await serve(coordinator, describes: true)
    let (impostor, place) = try await serve(try .make())
    let fetcher = try fetcher(worker, trusting: server.allowed)
    let claimed = TensorHolder(place.address, key: holder.publicKey)
    try expectWhole(try await fetcher.fetch(request(describing, peers: [claimed])))
    #expect(await impostor.givenBytes == 0)
    #expect(await server.givenBytes == 9 << 20)
    await fetcher.stop()
    for server in [server, impostor] { await server.stop() }
  }

  @Test("a peer whose key the coordinator does not name, or no longer, is not taken from")
  func revokedPeer() async throws {
    let (server, describing) = try await serve(coordinator, describes: true)
    let (peer, giving) = try await serve(holder)
    let trusted = AllowList([worker.publicKey], refusesForGood: true)
    let fetcher = try fetcher(worker, trusting: trusted)
    let nameless = TensorHolder(giving.address)
    try expectWhole(try await fetcher.fetch(request(describing, peers: [giving, nameless])))
    #expect(await peer.givenBytes == 0)
    #expect(log.text.contains("on the allow-list"))
    await fetcher.stop()
    for server in [server, peer] { await server.stop() }
  }
}
