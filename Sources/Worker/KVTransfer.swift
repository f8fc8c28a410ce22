/// KV blocks that come with layers from other workers, and those that go with layers to others.

internal import Checkpoints
internal import Compute
internal import Logging
internal import Messaging
internal import Transfer
internal import Wire

/// Between the stage's engine, which alone touches KV blocks, and other workers.
final class KVTransfer {
  private let settings: MemberSettings
  private let peers: AllowList
  private let work: AsyncStream<StageWork>.Continuation
  private let logger: Logger
  /// Made when blocks are first fetched; to be stopped.
  private(set) var fetcher: KVFetcher?

  /// `peers` are the workers that blocks are taken from, where the cluster has keys.
  init(
    _ settings: MemberSettings, peers: AllowList, work: AsyncStream<StageWork>.Continuation,
    logger: Logger
  ) {
    self.settings = settings
    self.peers = peers
    self.work = work
    self.logger = logger
  }

  /// Has the engine read what others ask for.
  var reader: TensorServer.BlockReader {
    { [work] request, answer in
      let refusal = KVContents(
        epoch: request.epoch, layer: request.layer, blocks: request.blocks,
        refusal: "this worker ends")
      if case .terminated = work.yield(.give(request, answer)) { answer(refusal) }
    }
  }

  /// Has the engine fill what an assignment says that others hold; `failed` is called with the reason if
  /// that cannot be done.
  func fill(
    _ assignment: Assignment, of text: TextConfiguration,
    failed: @escaping @Sendable (String) async -> Void
  ) {
    let plan = assignment.epoch
    guard !assignment.kvSources.isEmpty else {
      if let fetcher { Task { await fetcher.cancel(before: plan) } }
      return
    }
    let bytes = KVMemory.bytes(
      layers: 1, blocks: 1, blockTokens: assignment.kvBlockTokens, kvHeads: text.kvHeads,
      headWidth: text.headWidth)
    guard let blockBytes = bytes else {
      Task { await failed("a KV block has more bytes than there are numbers for") }
      return
    }
    let (fetch, fetcher): (KVFetch, KVFetcher)
    do {
      fetch = KVFetch(
        plan: plan, epoch: assignment.kvEpoch, sources: try assignment.kvHolders(),
        blocks: assignment.kvBlocks, blockBytes: blockBytes)
      fetcher = try self.fetcher ?? makeFetcher()
    } catch {
      Task { await failed("\(error)") }
      return
    }
    self.fetcher = fetcher
    Task { [work] in
      do {
        try await fetcher.fetch(fetch) { contents in
          await withCheckedContinuation { taken in
            let item = StageWork.fill(contents, plan: plan, taken: taken)
            if case .terminated = work.yield(item) { taken.resume() }
          }
        }
        work.yield(.filled(plan: plan))
      } catch let error as TransferError where error.code == .superseded {
        return
      } catch {
        await failed("\(error)")
      }
    }
  }

  private func makeFetcher() throws(MessagingError) -> KVFetcher {
    try KVFetcher(
      isInsecure: settings.isInsecure, keys: settings.keys.map { (own: $0.pair, peers: peers) },
      logger: logger)
  }
}
