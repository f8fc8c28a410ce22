/// What the coordinator can say about the cluster.

internal import Checkpoints
internal import Messaging
internal import Wire

extension CoordinatorState {
  func status(now: Double) -> ClusterStatus {
    let text = model.configuration.text
    return ClusterStatus(
      ready: pipeline?.isReady == true, epoch: pipeline?.epoch ?? 0,
      model: ClusterStatus.Model(
        name: model.name,
        digest: model.digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(),
        layers: text.layers, contextTokens: contextMax),
      queries: ClusterStatus.Queries(
        running: pipeline?.scheduler.runningCount ?? 0,
        waiting: queries.count - (pipeline?.scheduler.runningCount ?? 0)),
      tokensPerSecond: ClusterStatus.TokensPerSecond(prompt: 0, new: 0),
      kv: ClusterStatus.KV(
        blocks: pipeline?.scheduler.blockCount ?? 0, free: pipeline?.scheduler.freeBlocks ?? 0,
        cached: 0, blockTokens: settings.kvBlockTokens),
      prefix: ClusterStatus.Prefix(hitTokens: 0, askedTokens: 0),
      features: ClusterStatus.Features(
        held: images.count, bytes: images.count * model.imageRows * text.hidden * 4, hits: 0),
      predicted: ClusterStatus.Predicted(stepSeconds: pipeline?.predictedStepSeconds ?? 0),
      stages: (pipeline?.stages ?? []).map { stage in
        ClusterStatus.Stage(
          name: stage.name, processID: stage.processID,
          layers: [stage.layers.lowerBound, stage.layers.count], weights: "stored", memoryBytes: 0,
          busy: 0, waiting: 0, sending: 0, stepSecondsMedian: 0, steps: 0)
      },
      visionNodes: visionNodes.map {
        ClusterStatus.VisionNode(name: $0.name, processID: $0.processID, images: 0, busy: 0)
      },
      spares: workers.filter { pipeline?.contains($0.peer) == false }.map {
        ClusterStatus.Spare(name: $0.name)
      },
      uptimeSeconds: now)
  }
}
