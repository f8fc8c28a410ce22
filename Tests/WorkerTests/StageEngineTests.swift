/// Weights and KV blocks of a stage while plans change.

import Checkpoints
import Compute
import Foundation
import Messaging
import Synchronization
import Testing
import Wire

@testable import Worker

@Suite("a stage while plans change", .timeLimit(.minutes(1)))
struct StageEngineTests {
  /// An engine and what it is told, one thing after the other.
  private final class Stage: Sendable {
    private let work: AsyncStream<StageWork>.Continuation
    private let results: AsyncStream<StageResult>
    private let input: AsyncStream<StageResult>.Continuation
    private let thread: Reactor
    private let checkpoint: Checkpoint
    private let running: Task<Void, Never>
    private let listening: Task<Void, Never>

    init() throws {
      checkpoint = try Checkpoint(directory: Self.model)
      thread = try Reactor(name: "stage")
      let engine = StageEngine(team: .single, thread: thread)
      let (workStream, work) = AsyncStream<StageWork>.makeStream()
      let (results, input) = AsyncStream<StageResult>.makeStream()
      (self.work, self.results, self.input) = (work, results, input)
      running = Task { await engine.run(workStream, later: work, into: input) }
      let (messages, noted) = AsyncStream<Message>.makeStream()
      self.messages = messages
      listening = Task {
        for await result in results {
          switch result {
          case .toCoordinator(let message): noted.yield(message)
          case .finishedStep: noted.yield(.error(WireError(code: .internal, text: "step")))
          case .failed(let error):
            noted.yield(.error(WireError(code: .internal, text: error.message)))
          case .toNext: break
          }
        }
        noted.finish()
      }
    }

    private let messages: AsyncStream<Message>
    private static let model = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Sources/chatspot/Resources/mini-chatspot")

    /// What it tells the coordinator next.
    func next() async -> Message? {
      for await message in messages { return message }
      return nil
    }

    func tell(_ assignment: Assignment) {
      work.yield(
        assignment.prepares
          ? .prepare(assignment, of: checkpoint) : .assign(assignment, of: checkpoint))
    }

    func fill(_ contents: KVContents, plan: UInt64) async {
      await withCheckedContinuation { work.yield(.fill(contents, plan: plan, taken: $0)) }
    }

    func filled(plan: UInt64) { work.yield(.filled(plan: plan)) }
    func settle() { work.yield(.settled) }

    /// What it gives of a block.
    func read(epoch: UInt64, layer: Int, block: Int = 3) async -> KVContents {
      let request = KVRequest(epoch: epoch, layer: layer, blocks: [block])
      return await withCheckedContinuation { answered in
        work.yield(.give(request) { answered.resume(returning: $0) })
      }
    }

    /// Asks for a block so many times, and for a step behind that; returns in which order it all is done.
    func order(ofGiving count: Int, epoch: UInt64) async -> [String] {
      let request = KVRequest(epoch: epoch, layer: 0, blocks: [3])
      let allAsked = DispatchSemaphore(value: 0)
      for number in 0..<count {
        let answer: @Sendable (KVContents) -> Void = { [input] in
          if number == 0 { allAsked.wait() }
          // On the way that a step's end takes, so that the order is that of the engine.
          let event = $0.refusal.contains("are waiting") ? "refused" : "given"
          input.yield(.failed(WorkerError(.fetching, event)))
        }
        work.yield(.give(request, answer))
      }
      work.yield(.step(Step(epoch: epoch, number: 1, spans: []), arrived: .now))
      allAsked.signal()
      await stop()
      var order: [String] = []
      while case .error(let event)? = await next() { order.append(event.text) }
      return order
    }

    func stop() async {
      work.finish()
      await running.value
      await listening.value
      thread.shutdown()
    }
  }

  private static let digest = [UInt8](repeating: 7, count: 32)
  /// Bytes of one layer's part of a block of four positions: two heads of 32.
  private static let blockBytes = 2 * 2 * 4 * 2 * 32

  private static func assignment(
    _ epoch: UInt64, _ layers: Range<Int>, from source: Range<Int>? = nil, _ blocks: [Int] = [3],
    _ change: (inout Assignment) -> Void = { _ in }
  ) -> Assignment {
    var assignment = Assignment(
      epoch: epoch, modelDigest: digest, stage: 0, stageCount: 1, firstLayer: layers.lowerBound,
      layerCount: layers.count, kvBlockCount: 8, kvBlockTokens: 4, stepTokensMax: 64)
    if let source {
      assignment.kvSources = [KVSource(layers: source, endpoint: "tcp://127.0.0.1:1")]
      assignment.kvBlocks = blocks
      assignment.kvEpoch = epoch - 1
    }
    change(&assignment)
    return assignment
  }

  /// What block 3 of a layer is filled with.
  private static func contents(_ epoch: UInt64, _ layer: Int, _ value: UInt8) -> KVContents {
    KVContents(
      epoch: epoch, layer: layer, blocks: [3],
      data: [UInt8](repeating: value, count: blockBytes))
  }

  private static func epoch(_ message: Message?) -> UInt64? {
    guard case .ready(let ready)? = message else { return nil }
    return ready.epoch
  }

  @Test(
    "what others fill in while it gets ready is there in the plan, also where it is asked for late")
  func preparing() async throws {
    let stage = try Stage()
    stage.tell(Self.assignment(1, 0..<2))
    #expect(Self.epoch(await stage.next()) == 1)
    await stage.fill(Self.contents(0, 1, 11), plan: 1)
    // Nothing was to come from others: nothing is written.
    #expect(await stage.read(epoch: 1, layer: 1).data.allSatisfy { $0 == 0 })
    // First nothing is to be copied, then something.
    stage.tell(Self.assignment(2, 0..<4) { $0.prepares = true })
    #expect(Self.epoch(await stage.next()) == 2)
    stage.tell(Self.assignment(2, 0..<4, from: 2..<4) { $0.prepares = true })
    for layer in 2..<4 { await stage.fill(Self.contents(1, layer, UInt8(20 + layer)), plan: 2) }
    stage.filled(plan: 2)
    #expect(Self.epoch(await stage.next()) == 2)
    // The rest comes with the plan.
    stage.tell(Self.assignment(2, 0..<4, from: 2..<4, [5]) { $0.keeps = true })
    await stage.fill(
      KVContents(
        epoch: 1, layer: 3, blocks: [5], data: [UInt8](repeating: 9, count: Self.blockBytes)),
      plan: 2)
    stage.filled(plan: 2)
    #expect(Self.epoch(await stage.next()) == 2)
    for layer in 2..<4 {
      let data = await stage.read(epoch: 2, layer: layer).data
      #expect(data.count == Self.blockBytes && data.allSatisfy { $0 == UInt8(20 + layer) })
    }
    #expect(await stage.read(epoch: 2, layer: 3, block: 5).data.allSatisfy { $0 == 9 })
    await stage.stop()
  }

  @Test("a plan is ready once its layers are loaded and its blocks filled, whichever comes first")
  func order() async throws {
    let stage = try Stage()
    stage.tell(Self.assignment(2, 1..<3, from: 1..<3))
    for layer in 1..<3 { await stage.fill(Self.contents(1, layer, 5), plan: 2) }
    // An older plan's blocks say nothing of this one's.
    stage.filled(plan: 1)
    await stage.fill(Self.contents(1, 1, 6), plan: 1)
    stage.filled(plan: 2)
    #expect(Self.epoch(await stage.next()) == 2)
    #expect(await stage.read(epoch: 2, layer: 1).data.allSatisfy { $0 == 5 })
    await stage.stop()
  }

  @Test("what a stage kept goes on; what it gave away is there for others until all are ready")
  func keepsAndGives() async throws {
    let stage = try Stage()
    stage.tell(Self.assignment(2, 0..<4, from: 0..<4))
    for layer in 0..<4 { await stage.fill(Self.contents(1, layer, UInt8(layer)), plan: 2) }
    stage.filled(plan: 2)
    #expect(Self.epoch(await stage.next()) == 2)
    stage.tell(
      Self.assignment(3, 0..<2) {
        $0.keeps = true
        $0.gives = true
      })
    #expect(Self.epoch(await stage.next()) == 3)
    for (epoch, layer) in [(3, 0), (3, 1), (2, 2), (2, 3)] as [(UInt64, Int)] {
      #expect(await stage.read(epoch: epoch, layer: layer).data.allSatisfy { $0 == UInt8(layer) })
    }
    #expect(await stage.read(epoch: 3, layer: 2).refusal.contains("layer 2"))
    #expect(await stage.read(epoch: 3, layer: 0, block: 8).refusal.contains("not all here"))
    stage.settle()
    #expect(await stage.read(epoch: 2, layer: 3).refusal.contains("is not here"))
    #expect(await stage.read(epoch: 3, layer: 1).data.allSatisfy { $0 == 1 })
    // Another number of blocks, or another model, keeps nothing.
    for change in [{ $0.kvBlockCount = 9 }, { $0.modelDigest = [UInt8](repeating: 8, count: 32) }]
      as [(inout Assignment) -> Void]
    {
      var other = Self.assignment(4, 0..<2) { $0.keeps = true }
      change(&other)
      stage.tell(other)
      guard case .error(let error)? = await stage.next() else {
        Issue.record("it keeps what it does not have")
        continue
      }
      #expect(error.epoch == 4)
    }
    await stage.stop()
  }

  @Test("a step that has arrived does not wait for KV blocks that others asked for before")
  func stepsFirst() async throws {
    let stage = try Stage()
    stage.tell(Self.assignment(1, 0..<2))
    #expect(Self.epoch(await stage.next()) == 1)
    // Of a plan that does not stand: it computes nothing, and ends like every step.
    let order = await stage.order(ofGiving: 40, epoch: 7)
    #expect(order.filter { $0 == "given" }.count == 40, "everybody is answered, also at the end")
    let before = order.firstIndex(of: "step") ?? 40
    #expect(before <= 1, "\(before) blocks were read before the step")
  }

  @Test("who asks for more KV blocks than can wait is refused, and takes no memory")
  func asksTooMuch() async throws {
    let stage = try Stage()
    stage.tell(Self.assignment(1, 0..<2))
    #expect(Self.epoch(await stage.next()) == 1)
    let order = await stage.order(ofGiving: 3000, epoch: 7)
    // Those behind the first few, for which it waited, met all that may wait.
    #expect(order.filter { $0 == "refused" }.count >= 500)
    #expect(order.filter { $0 == "given" }.count >= 2048)
    #expect(order.filter { $0 != "step" }.count == 3000)
  }
}
