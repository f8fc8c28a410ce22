import Logging
import Messaging
import Synchronization
import Testing
import Wire

@testable import Transfer

/// KV blocks on their way between processes: real sockets, contents that say what they are of.
@Suite("Fetching KV blocks", .serialized, .timeLimit(.minutes(1)))
struct BlockTests {
  private static let blockBytes = 200_000

  /// What a block of a layer holds.
  private static func content(_ layer: Int, _ block: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: 31 * layer + block), count: blockBytes)
  }

  /// Who gives blocks of some layers, filled in epoch 4.
  private static func giver(
    _ layers: Range<Int>, keys: KeyPair? = nil, bytes: Int = blockBytes
  ) async throws -> (TensorServer, Address) {
    let server = try TensorServer(nil, modelDigest: [], keys: keys, logger: LogLines().logger)
    await server.giveBlocks { request, answer in
      var contents = KVContents(
        epoch: request.epoch, layer: request.layer, blocks: request.blocks)
      if layers.contains(request.layer), request.epoch == 4 {
        contents.data = request.blocks.flatMap { content(request.layer, $0).prefix(bytes) }
      } else {
        contents.refusal = "layer \(request.layer) is not here"
      }
      answer(contents)
    }
    return (server, try await server.start(at: .loopback(port: 0)))
  }

  private static func fetch(
    _ sources: [(layers: Range<Int>, holder: TensorHolder)], plan: UInt64 = 5, blocks: Int = 40
  ) -> KVFetch {
    // In an order of their own.
    KVFetch(
      plan: plan, epoch: 4, sources: sources, blocks: (0..<blocks).map { $0 * 7 % blocks },
      blockBytes: blockBytes)
  }

  /// What was taken, checked.
  private final class Taken: Sendable {
    private let blocks = Mutex<[Int: [Int]]>([:])
    private let atOnce = Mutex((now: 0, most: 0))

    var byLayer: [Int: [Int]] { blocks.withLock { $0.mapValues { $0.sorted() } } }
    var mostAtOnce: Int { atOnce.withLock(\.most) }

    @Sendable func take(_ contents: KVContents) async {
      atOnce.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
      #expect(contents.data == contents.blocks.flatMap { content(contents.layer, $0) })
      try? await Task.sleep(for: .milliseconds(1))
      blocks.withLock { $0[contents.layer, default: []] += contents.blocks }
      atOnce.withLock { $0.now -= 1 }
    }
  }

  private static func failure(_ work: () async throws -> Void) async -> TransferError? {
    do {
      try await work()
      return nil
    } catch {
      return error as? TransferError
    }
  }

  @Test(
    "every block of every layer comes once, from whoever holds the layer; few lie about untaken")
  func whole() async throws {
    let (one, oneAddress) = try await Self.giver(2..<4)
    let (other, otherAddress) = try await Self.giver(4..<5)
    let fetcher = try KVFetcher(isInsecure: false, logger: LogLines().logger)
    let taken = Taken()
    let sources = [(2..<4, TensorHolder(oneAddress)), (4..<5, TensorHolder(otherAddress))]
    try await fetcher.fetch(Self.fetch(sources), take: taken.take)
    #expect(taken.byLayer == [2: Array(0..<40), 3: Array(0..<40), 4: Array(0..<40)])
    #expect(taken.mostAtOnce > 1 && taken.mostAtOnce <= 64)
    await fetcher.stop()
    await one.stop()
    await other.stop()
  }

  @Test("what is refused, or has other bytes than it should, is an error that names who and why")
  func refusals() async throws {
    let (server, address) = try await Self.giver(2..<4)
    let (short, shortAddress) = try await Self.giver(0..<9, bytes: Self.blockBytes - 1)
    let fetcher = try KVFetcher(isInsecure: false, logger: LogLines().logger)
    let unknown = await Self.failure {
      try await fetcher.fetch(Self.fetch([(3..<5, TensorHolder(address))])) { _ in }
    }
    #expect(unknown?.code == .unavailable)
    #expect(unknown?.message.contains("layer 4 is not here") == true)
    #expect(unknown?.message.contains(address.description) == true)
    let wrong = await Self.failure {
      try await fetcher.fetch(Self.fetch([(2..<3, TensorHolder(shortAddress))])) { _ in }
    }
    #expect(wrong?.message.contains("gives 199999 bytes for 1 x 200000") == true)
    await fetcher.stop()
    await server.stop()
    await short.stop()
  }

  @Test("a source that goes away ends the fetch at once; who has no blocks says so")
  func gone() async throws {
    let (server, address) = try await Self.giver(0..<2)
    let fetcher = try KVFetcher(isInsecure: false, logger: LogLines().logger)
    let lost = await Self.failure {
      try await fetcher.fetch(Self.fetch([(0..<2, TensorHolder(address))], blocks: 400)) { _ in
        await server.stop()
      }
    }
    #expect(lost?.code == .unavailable && lost?.message.contains("has gone") == true)
    let empty = try TensorServer(nil, modelDigest: [], logger: LogLines().logger)
    let emptyAddress = try await empty.start(at: .loopback(port: 0))
    let none = await Self.failure {
      try await fetcher.fetch(Self.fetch([(0..<2, TensorHolder(emptyAddress))])) { _ in }
    }
    #expect(none?.message.contains("no KV blocks are here") == true)
    await fetcher.stop()
    await empty.stop()
  }

  @Test("a fetch for a later plan takes the place of one under way, never one for an earlier plan")
  func superseded() async throws {
    let (server, address) = try await Self.giver(0..<2)
    let fetcher = try KVFetcher(isInsecure: false, logger: LogLines().logger)
    let sources = [(0..<2, TensorHolder(address))]
    let (begun, begin) = AsyncStream<Void>.makeStream()
    async let first = Self.failure {
      try await fetcher.fetch(Self.fetch(sources, plan: 5)) { _ in
        begin.yield()
        try? await Task.sleep(for: .seconds(30))
      }
    }
    for await _ in begun { break }
    let earlier = await Self.failure {
      try await fetcher.fetch(Self.fetch(sources, plan: 4)) { _ in }
    }
    #expect(earlier?.code == .superseded)
    await fetcher.cancel(before: 5)
    let taken = Taken()
    try await fetcher.fetch(Self.fetch(sources, plan: 6), take: taken.take)
    #expect(await first?.code == .superseded)
    #expect(taken.byLayer.values.allSatisfy { $0.count == 40 })
    await fetcher.stop()
    await server.stop()
  }

  @Test("with keys, blocks go to workers alone, and come from those whom the coordinator names")
  func keys() async throws {
    let (holder, worker, stranger) = (try KeyPair.make(), try KeyPair.make(), try KeyPair.make())
    let (server, address) = try await Self.giver(0..<2, keys: holder)
    server.allow([worker.publicKey])
    let peers = AllowList(refusesForGood: false)
    peers.replace([holder.publicKey])
    let sources = [(0..<2, TensorHolder(address, key: holder.publicKey))]
    let taken = Taken()
    let fetcher = try KVFetcher(
      isInsecure: false, keys: (own: worker, peers: peers), logger: LogLines().logger)
    try await fetcher.fetch(Self.fetch(sources), take: taken.take)
    #expect(taken.byLayer == [0: Array(0..<40), 1: Array(0..<40)])
    let intruder = try KVFetcher(
      isInsecure: false, keys: (own: stranger, peers: peers), logger: LogLines().logger)
    let refused = await Self.failure {
      try await intruder.fetch(Self.fetch(sources)) { _ in Issue.record("a stranger gets blocks") }
    }
    #expect(refused?.code == .unavailable, "\(String(describing: refused))")
    peers.replace([])
    let untrusted = await Self.failure {
      try await fetcher.fetch(Self.fetch(sources)) { _ in Issue.record("taken from a stranger") }
    }
    #expect(untrusted?.message.contains("not on the allow-list") == true)
    await fetcher.stop()
    await intruder.stop()
    await server.stop()
  }
}
