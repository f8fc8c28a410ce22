/// KV blocks that other workers read, and those that come from them.

internal import Compute
internal import Wire

extension StageEngine {
  /// Notes what another worker asks for; refuses it where too much is waiting already.
  func ask(_ request: KVRequest, _ answer: @escaping @Sendable (KVContents) -> Void) {
    guard asked.count < Self.askedMost else {
      let refusal = KVContents(
        epoch: request.epoch, layer: request.layer, blocks: request.blocks,
        refusal: "\(asked.count) requests are waiting, as many as may")
      return answer(refusal)
    }
    asked.append((request, answer))
  }

  /// Gives others what they have asked for, so long as steps do not wait much for it.
  func give() {
    let began = clock.now
    let slice = max(Self.givingLeast, stepDuration * Self.givingShare)
    var answered = 0
    while answered < asked.count, answered == 0 || clock.now - began < slice {
      let (request, answer) = asked[answered]
      answer(contents(for: request))
      answered += 1
    }
    asked.removeFirst(answered)
  }

  /// So many requests wait: those of all others in a plan of dozens of stages.
  private static let askedMost = 2048
  /// Of the time that a step takes, so much goes to others between it and the next; at least
  /// `givingLeast`.
  private static let givingShare = 0.125
  private static let givingLeast = Duration.microseconds(500)

  /// What another worker asks for, or why it cannot have it.
  private func contents(for request: KVRequest) -> KVContents {
    var contents = KVContents(epoch: request.epoch, layer: request.layer, blocks: request.blocks)
    let held = [loaded?.givenBlocks, given].compactMap(\.self)
      .first { $0.epoch == request.epoch && $0.layers.contains(request.layer) }
    if let held, let data = held.contents(ofLayer: request.layer, blocks: request.blocks) {
      contents.data = data
    } else {
      contents.refusal =
        held == nil
        ? "layer \(request.layer) of plan \(planNumber(request.epoch)) is not here"
        : "\(request.blocks.count) blocks are too many, or not all here"
    }
    return contents
  }

  /// Puts what another worker gave into the blocks of a plan, the one that stands or the one to come.
  func fill(_ contents: KVContents, _ plan: UInt64) {
    let target: (cache: KVMemory, assignment: Assignment)? =
      if let loaded, loaded.assignment.epoch == plan {
        (loaded.cache, loaded.assignment)
      } else if let prepared, prepared.assignment.epoch == plan {
        (prepared.cache, prepared.assignment)
      } else {
        nil
      }
    // Of a plan that was given up meanwhile.
    guard let target,
      target.assignment.kvSources.contains(where: { $0.layers.contains(contents.layer) })
    else { return }
    target.cache.fill(
      layer: contents.layer - target.assignment.firstLayer, blocks: contents.blocks,
      with: contents.data)
  }
}
