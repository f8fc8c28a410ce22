/// The prefix cache: what is found is the same, whatever an opponent tries; what is needed stays.

import Testing
import Wire

@testable import Coordinator

@Suite("prefix cache")
struct PrefixCacheTests {
  private static let geometry = WireImageGeometry(
    fit: .centerCrop, originalWidth: 640, originalHeight: 480, side: 224, shortestEdge: 256)
  private static let file = [UInt8](repeating: 7, count: 32)
  private static let encoder = [UInt8](repeating: 9, count: 32)
  private static let image = ContentDigest(
    fileDigest: file, geometry: geometry, encoder: encoder)

  @Test("the same file in another geometry or for another model is another image")
  func digests() {
    var others: [ContentDigest] = []
    let changes: [(inout WireImageGeometry) -> Void] = [
      { $0.fit = .stretch }, { $0.originalWidth = 641 }, { $0.originalHeight = 481 },
      { $0.side = 225 }, { $0.shortestEdge = 257 },
      // The same numbers in other places.
      { ($0.originalWidth, $0.originalHeight) = ($0.originalHeight, $0.originalWidth) },
      { ($0.side, $0.shortestEdge) = ($0.shortestEdge, $0.side) },
    ]
    for change in changes {
      var geometry = Self.geometry
      change(&geometry)
      others.append(
        ContentDigest(fileDigest: Self.file, geometry: geometry, encoder: Self.encoder))
    }
    others.append(
      ContentDigest(fileDigest: Self.encoder, geometry: Self.geometry, encoder: Self.file))
    others.append(
      ContentDigest(fileDigest: Self.file, geometry: Self.geometry, encoder: Self.file))
    #expect(Set(others + [Self.image]).count == others.count + 1)
  }

  @Test("equal hashes are not equal contents")
  func hashCollisions() {
    // Digests that agree in the part that is hashed.
    let digests = (0..<4 as Range<UInt64>).map { ContentDigest(words: (1, 0, 0, $0)) }
    #expect(Set(digests.map(\.hashValue)).count == 1)
    var scheduler = scheduler()
    for (index, digest) in digests.enumerated() {
      scheduler.add(
        SequenceID(index + 1), tokens: prompt, images: [image(digest, at: 1)])
      scheduler.setReady(true, images: { _ in true }, of: SequenceID(index + 1))
    }
    run(&scheduler)
    #expect(scheduler.hitTokens == 0)
  }

  @Test("the same tokens with another image, another part of it, or elsewhere are not found")
  func otherContents() {
    let other = ContentDigest(
      fileDigest: Self.encoder, geometry: Self.geometry, encoder: Self.encoder)
    let variants: [(tokens: [Int32], images: [SequenceImage])] = [
      (prompt, []), (prompt, [image(other, at: 1)]), (prompt, [image(Self.image, at: 2)]),
      ([3] + prompt, [image(Self.image, at: 2)]), (Array(prompt.dropFirst()), []),
      ([9] + prompt.dropFirst(), [image(Self.image, at: 1)]),
    ]
    for variant in variants {
      var scheduler = cached()
      scheduler.add(9, tokens: variant.tokens, images: variant.images)
      #expect(scheduler.missingImages(9) == variant.images)
      scheduler.setReady(true, images: { _ in true }, of: 9)
      let span = scheduler.nextStep()?.spans.first
      #expect(span?.firstPosition == 0 && scheduler.cachedTokens(9) == 0)
    }
  }

  @Test("the same beginning is found, but for the last token; what follows is not")
  func hits() {
    var scheduler = cached()
    scheduler.add(9, tokens: prompt, images: [image(Self.image, at: 1)])
    // The image's last row shares a block with the last token.
    #expect(scheduler.missingImages(9) == [image(Self.image, at: 1)])
    scheduler.setReady(true, images: { _ in true }, of: 9)
    let span = scheduler.nextStep()?.spans.first
    // Twelve tokens are three whole blocks; of the third the last token must be computed.
    #expect(span?.firstPosition == 8 && scheduler.cachedTokens(9) == 8)
    scheduler.add(10, tokens: prompt + [77, 78], images: [image(Self.image, at: 1)])
    #expect(scheduler.missingImages(10).isEmpty)
    _ = scheduler.nextStep()
    #expect(scheduler.cachedTokens(10) == 12)
    scheduler.add(
      11, tokens: prompt.dropLast(3) + [50, 51, 52], images: [image(Self.image, at: 1)])
    scheduler.setReady(true, images: { _ in true }, of: 11)
    _ = scheduler.nextStep()
    #expect(scheduler.cachedTokens(11) == 8)
  }

  @Test("what an ended sequence said is found by the next turn of its conversation")
  func generated() {
    var scheduler = scheduler()
    scheduler.add(1, tokens: [1, 2, 3])
    var said: [Int32] = []
    for token in 60..<70 as Range<Int32> {
      guard let plan = scheduler.nextStep() else { break }
      _ = scheduler.complete(plan.number)
      said.append(token)
      scheduler.append(token, to: 1)
    }
    scheduler.remove(1)
    scheduler.add(2, tokens: [1, 2, 3] + said + [5, 6])
    _ = scheduler.nextStep()
    // The last token that was said was never computed.
    #expect(scheduler.cachedTokens(2) == 12)
  }

  @Test("the least recently used contents go first, ends before beginnings, none that is in use")
  func eviction() {
    var pool = KVBlockPool(blockCount: 4, blockTokens: 2)
    func content(_ parent: UInt64, _ token: Int32) -> BlockContent {
      BlockContent(
        block: 0, blockTokens: 2, parent: parent, tokens: [token, token], images: [])
    }
    let blocks = (0..<4).compactMap { _ in pool.take() }
    #expect(blocks == [0, 1, 2, 3] && pool.take() == nil)
    let root = pool.publish(0, content(0, 1), filledBy: 1)
    _ = pool.publish(1, content(root.node, 2), filledBy: 1)
    _ = pool.publish(2, content(0, 3), filledBy: 1)
    // A second block of the same content stays unknown.
    #expect(pool.publish(3, content(0, 3), filledBy: 2).block == 2)
    pool.release([0, 1])
    pool.release([2])
    #expect(pool.cachedCount == 3 && pool.freeCount == 0)
    #expect(pool.take() == 1 && pool.find(content(root.node, 2)) == nil)
    pool.retain(0)
    #expect(pool.take() == 2 && pool.take() == nil)
    #expect(pool.find(content(0, 1))?.block == 0)
    pool.release([3])
    #expect(pool.freeCount == 1 && pool.take() == 3)
    // A content that comes again has another number: nothing that followed the old one is found.
    pool.release([0])
    #expect(pool.take() == 0)
    #expect(pool.publish(0, content(0, 1), filledBy: 3).node != root.node)
  }

  private var prompt: [Int32] { [1] + Array(repeating: 5, count: 8) + [30, 31, 32] }

  private func image(_ digest: ContentDigest, at first: Int) -> SequenceImage {
    SequenceImage(digest: digest, positions: first..<first + 8)
  }

  private func scheduler() -> Scheduler {
    Scheduler(
      limits: SchedulerLimits(stepsInFlight: 9, stepTokens: 100),
      pool: KVBlockPool(blockCount: 200, blockTokens: 4))
  }

  /// A scheduler that knows the prompt with its image.
  private func cached() -> Scheduler {
    var scheduler = scheduler()
    scheduler.add(1, tokens: prompt, images: [image(Self.image, at: 1)])
    scheduler.setReady(true, images: { _ in true }, of: 1)
    run(&scheduler)
    scheduler.remove(1)
    return scheduler
  }

  private func run(_ scheduler: inout Scheduler) {
    while let plan = scheduler.nextStep() { _ = scheduler.complete(plan.number) }
  }
}
