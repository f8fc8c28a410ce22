import Checkpoints
import Foundation
import Logging
import Messaging
import Testing
import Wire

@testable import Transfer

@Suite("Fetching tensors", .serialized, .timeLimit(.minutes(5)))
final class FetchTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "chatspot-transfer-\(UUID())")
  private let log = LogLines()

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func url(_ name: String) -> URL { directory.appending(path: name) }

  private func model(_ name: String = "model", mebibytes: Int = 3, seed: UInt8 = 0) throws
    -> ScratchModel
  {
    try ScratchModel(in: url(name), layers: 4, mebibytes: mebibytes, seed: seed)
  }

  private func serve(_ model: ScratchModel, describes: Bool = false) async throws -> (
    server: TensorServer, address: Address
  ) {
    let server = try TensorServer(
      model.checkpoint, modelDigest: model.modelDigest, describes: describes, logger: log.logger)
    return (server, try await server.start(at: .loopback(port: 0)))
  }

  private func fetcher(cacheBytes: Int = 1 << 30) throws -> TensorFetcher {
    let cache = try TensorCache(directory: url("cache"), bytesMax: cacheBytes)
    return try TensorFetcher(cache: cache, isInsecure: false, logger: log.logger)
  }

  private func request(
    _ model: ScratchModel, _ coordinator: Address, peers: [Address] = [], layers: [Int]
  ) -> FetchRequest {
    FetchRequest(
      modelDigest: model.modelDigest, coordinator: TensorHolder(coordinator),
      peers: peers.map { TensorHolder($0) }
    ) { _ in layers.map(ScratchModel.part) }
  }

  private func expectSame(_ fetched: Checkpoint, _ model: ScratchModel, layers: [Int]) throws {
    #expect(fetched.tensorNames == layers.map(ScratchModel.name).sorted())
    for name in fetched.tensorNames {
      #expect(fetched.stored(name) == model.checkpoint.stored(name))
      let bytes = try #require(model.checkpoint.stored(name)).byteCount
      #expect(
        try fetched.storedBytes(of: name, in: 0..<bytes)
          == model.checkpoint.storedBytes(of: name, in: 0..<bytes))
    }
    #expect(fetched.configuration == model.checkpoint.configuration)
  }

  @Test("what a part has comes whole, from peers before the coordinator, and once only")
  func peersFirst() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let (first, firstAddress) = try await serve(model)
    let (second, secondAddress) = try await serve(model)
    let fetcher = try fetcher()
    let wanted = request(
      model, address, peers: [firstAddress, secondAddress], layers: [0, 1, 2, 3])
    try expectSame(try await fetcher.fetch(wanted), model, layers: [0, 1, 2, 3])
    let (one, other) = (await first.givenBytes, await second.givenBytes)
    #expect(one + other == 12 << 20 && one > 0 && other > 0)
    #expect(await coordinator.givenBytes == 0)
    _ = try await fetcher.fetch(wanted)
    #expect(await first.givenBytes + second.givenBytes == 12 << 20)
    await fetcher.stop()
    for server in [coordinator, first, second] { await server.stop() }
  }

  @Test("peers that hold nothing, or that nobody can reach, leave it to the coordinator")
  func coordinatorLast() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let empty = try TensorServer(nil, modelDigest: [], logger: log.logger)
    let emptyAddress = try await empty.start(at: .loopback(port: 0))
    let (gone, goneAddress) = try await serve(model)
    await gone.stop()
    let fetcher = try fetcher()
    let fetched = try await fetcher.fetch(
      request(model, address, peers: [emptyAddress, goneAddress], layers: [1, 2]))
    try expectSame(fetched, model, layers: [1, 2])
    #expect(await coordinator.givenBytes == 6 << 20)
    await fetcher.stop()
    for server in [coordinator, empty] { await server.stop() }
  }

  @Test("when a source goes away in the middle, others go on with what it was giving")
  func sourceLost() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let peer = try FakeSource(model, gives: 2)
    let peerAddress = try await peer.start()
    let fetcher = try fetcher()
    let fetched = try await fetcher.fetch(
      request(model, address, peers: [peerAddress], layers: [0, 1, 2]))
    try expectSame(fetched, model, layers: [0, 1, 2])
    #expect(await peer.given == 2)
    // What the peer gave is not fetched again.
    #expect(await coordinator.givenBytes == 9 << 20 - 2 << 20)
    #expect(log.text.contains("\(peerAddress)"))
    await fetcher.stop()
    await coordinator.stop()
    await peer.stop()
  }

  @Test("wrong bytes are told from right ones, their source is named, and another one is asked")
  func wrongBytes() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let liar = try FakeSource(model, gives: .max, changes: true)
    let liarAddress = try await liar.start()
    let fetcher = try fetcher()
    let fetched = try await fetcher.fetch(
      request(model, address, peers: [liarAddress], layers: [0, 1]))
    try expectSame(fetched, model, layers: [0, 1])
    #expect(await coordinator.givenBytes == 6 << 20)
    #expect(
      log.text.contains("\(ScratchModel.name(0)) has other bytes than the coordinator says")
        && log.text.contains("\(liarAddress)"))
    await fetcher.stop()
    await coordinator.stop()
    await liar.stop()
  }

  @Test("a fetch that ended in the middle goes on where it was, also in another process")
  func resumes() async throws {
    let model = try model()
    let (describer, address) = try await serve(model, describes: true)
    let peer = try FakeSource(model, gives: 5)
    let peerAddress = try await peer.start()
    let first = try fetcher()
    // The coordinator describes, and is then gone with the peer: only five chunks ever come.
    let wanted = request(model, address, peers: [peerAddress], layers: [0, 1, 2])
    let unfinished = Task { try await first.fetch(wanted) }
    try await until { await peer.given == 5 }
    await first.stop()
    let error = await #expect(throws: TransferError.self) { try await unfinished.value }
    #expect(error?.code == .superseded)
    let before = await describer.givenBytes
    let second = try fetcher()
    try expectSame(
      try await second.fetch(request(model, address, layers: [0, 1, 2])), model, layers: [0, 1, 2])
    // At least the chunks that came in order from their tensor's beginning are kept.
    #expect(await describer.givenBytes - before <= 9 << 20 - 3 << 20)
    await second.stop()
    await describer.stop()
    await peer.stop()
  }

  @Test("a file that was damaged in the cache is noticed and fetched again")
  func damagedCache() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let first = try fetcher()
    _ = try await first.fetch(request(model, address, layers: [0, 1]))
    await first.stop()
    let files = try FileManager.default.contentsOfDirectory(
      at: url("cache"), includingPropertiesForKeys: nil)
    #expect(files.count == 2)
    let handle = try FileHandle(forUpdating: files[0])
    try handle.seek(toOffset: 1_000_000)
    try handle.write(contentsOf: Data([1, 2, 3, 4]))
    try handle.close()
    let before = await coordinator.givenBytes
    let second = try fetcher()
    try expectSame(
      try await second.fetch(request(model, address, layers: [0, 1])), model, layers: [0, 1])
    #expect(await coordinator.givenBytes - before == 3 << 20)
    #expect(log.text.contains("damaged in the cache"))
    await second.stop()
    await coordinator.stop()
  }

  @Test("the cache keeps its bound: what was used longest ago goes, never what is needed")
  func bound() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let fetcher = try fetcher(cacheBytes: 7 << 20)
    for layer in 0..<4 {
      _ = try await fetcher.fetch(request(model, address, layers: [layer]))
      // Dates of files are compared.
      try await Task.sleep(for: .milliseconds(20))
    }
    func files() throws -> [URL] {
      try FileManager.default.contentsOfDirectory(
        at: url("cache"), includingPropertiesForKeys: nil)
    }
    #expect(try files().count == 2)
    let before = await coordinator.givenBytes
    try expectSame(
      try await fetcher.fetch(request(model, address, layers: [2, 3])), model, layers: [2, 3])
    #expect(await coordinator.givenBytes == before)
    let error = await #expect(throws: TransferError.self) {
      _ = try await fetcher.fetch(request(model, address, layers: [0, 1, 2]))
    }
    #expect(error?.code == .noRoom && error?.remedy == "Raise --cache-bytes")
    #expect(try files().count == 2)
    await fetcher.stop()
    await coordinator.stop()
  }

  @Test("another fetch takes the place of the one under way, which keeps what it has")
  func superseded() async throws {
    let model = try model()
    let (coordinator, address) = try await serve(model, describes: true)
    let peer = try FakeSource(model, gives: 4)
    let peerAddress = try await peer.start()
    let fetcher = try fetcher()
    let wanted = request(model, address, peers: [peerAddress], layers: [0, 1, 2])
    let first = Task { try await fetcher.fetch(wanted) }
    try await until { await peer.given == 4 }
    let fetched = try await fetcher.fetch(request(model, address, layers: [3]))
    try expectSame(fetched, model, layers: [3])
    await #expect(throws: TransferError.self) { try await first.value }
    await fetcher.stop()
    await coordinator.stop()
    await peer.stop()
  }

  @Test("a coordinator of another model, and a layer that nobody has, are clear errors")
  func refusals() async throws {
    let model = try model()
    let other = try self.model("other", seed: 3)
    let (coordinator, address) = try await serve(other, describes: true)
    let fetcher = try fetcher()
    let error = await #expect(throws: TransferError.self) {
      _ = try await fetcher.fetch(request(model, address, layers: [0]))
    }
    #expect(error?.message.contains("serves another checkpoint") == true)
    let (peer, peerAddress) = try await serve(model)
    let second = await #expect(throws: TransferError.self) {
      _ = try await fetcher.fetch(request(model, peerAddress, layers: [0]))
    }
    #expect(second?.message.contains("only the coordinator") == true)
    await fetcher.stop()
    for server in [coordinator, peer] { await server.stop() }
  }
}

/// Waits for a condition, for ten seconds at most.
func until(_ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(10)
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("it did not come about")
      return
    }
    try await Task.sleep(for: .milliseconds(5))
  }
}
