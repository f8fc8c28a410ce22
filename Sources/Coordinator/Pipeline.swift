/// The plan that is carried out: stages, who holds them, and what is in flight.

internal import Messaging

/// One epoch's pipeline.
struct Pipeline: Sendable {
  struct Stage: Sendable {
    let peer: PeerIdentity
    let name: String
    let processID: UInt64
    let layers: Range<Int>
    /// Bytes of weights and KV blocks that it holds, once it is ready.
    var memoryBytes = 0
    /// Steps that it computed.
    var steps = 0
    /// How long it computed the last steps, in seconds.
    var stepSeconds: [Double] = []

    /// Steps that the median is taken of.
    private static let stepsKept = 128

    mutating func add(stepSeconds seconds: Double) {
      if stepSeconds.count < Self.stepsKept {
        stepSeconds.append(seconds)
      } else {
        stepSeconds[steps % Self.stepsKept] = seconds
      }
      steps += 1
    }
  }

  private(set) var epoch: UInt64
  var stages: [Stage]
  let predictedStepSeconds: Double
  var scheduler: Scheduler
  /// Images at stage 0.
  var features: FeatureCache
  /// Stages that have not reported Ready.
  var pending: Set<PeerIdentity>
  /// Steps in the pipeline, by number.
  var steps: [UInt64: StepInFlight] = [:]
  /// What a stage that was replaced still lacks.
  var rebuild: Rebuild?

  init(
    epoch: UInt64, stages: [Stage], predictedStepSeconds: Double, scheduler: Scheduler,
    features: FeatureCache
  ) {
    self.epoch = epoch
    self.stages = stages
    self.predictedStepSeconds = predictedStepSeconds
    self.scheduler = scheduler
    self.features = features
    pending = Set(stages.map(\.peer))
  }

  /// Another member takes a stage's place. Steps in flight are lost; the other stages keep what they
  /// hold.
  mutating func replace(_ index: Int, with stage: Stage, epoch: UInt64) {
    self.epoch = epoch
    stages[index] = stage
    pending = Set(stages.map(\.peer))
    steps = [:]
    rebuild = nil
    scheduler.rollBack()
    features.askAgain(epoch: epoch)
  }

  var isReady: Bool { pending.isEmpty && rebuild == nil }
  /// Steps that somebody computes, by number.
  var stepsUnderWay: [UInt64: StepInFlight] { rebuild?.steps ?? steps }
  var first: PeerIdentity { stages[0].peer }

  func contains(_ peer: PeerIdentity) -> Bool { stages.contains { $0.peer == peer } }
}

/// A step between stage 0 and its result.
struct StepInFlight: Sendable {
  let plan: StepPlan
  /// When it was sent, in seconds.
  var sent: Double
}
