/// The plan that is carried out: stages, who holds them, and what is in flight.

internal import Messaging

/// One epoch's pipeline.
struct Pipeline: Sendable {
  struct Stage: Sendable {
    let peer: PeerIdentity
    let name: String
    let processID: UInt64
    let layers: Range<Int>
  }

  let epoch: UInt64
  let stages: [Stage]
  let predictedStepSeconds: Double
  var scheduler: Scheduler
  /// Stages that have not reported Ready.
  var pending: Set<PeerIdentity>
  /// Steps in the pipeline, by number.
  var steps: [UInt64: StepPlan] = [:]

  var isReady: Bool { pending.isEmpty }
  var first: PeerIdentity { stages[0].peer }

  func contains(_ peer: PeerIdentity) -> Bool { stages.contains { $0.peer == peer } }
}
