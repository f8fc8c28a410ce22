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
  private(set) var predictedStepSeconds: Double
  var scheduler: Scheduler
  /// Images at stage 0.
  var features: FeatureCache
  /// Stages that have not reported Ready.
  var pending: Set<PeerIdentity>
  /// Steps in the pipeline, by number.
  var steps: [UInt64: StepInFlight] = [:]
  /// What a stage that was replaced still lacks.
  var rebuild: Rebuild?
  /// Who keeps KV blocks of the plan before for stages that are not ready.
  var givers: Set<PeerIdentity> = []

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

  /// Goes on as another plan, whose stages get from `givers` what the KV blocks hold. No step is in
  /// flight.
  mutating func carryOver(
    to stages: [Stage], epoch: UInt64, limits: SchedulerLimits, givers: Set<PeerIdentity>
  ) {
    if stages.map(\.layers) != self.stages.map(\.layers) {
      scheduler.curve = StepCurve(predictedSeconds: limits.predictedSeconds)
    }
    // A log tells of one stage's results: it is of no use to a stage that others follow.
    let isLogged =
      stages.count == self.stages.count
      && zip(stages, self.stages).dropLast().allSatisfy {
        $0.peer == $1.peer && $0.layers == $1.layers
      }
    if !isLogged { scheduler.pool.forgetLogs() }
    scheduler.carryOver(to: limits)
    if stages[0].peer == first { features.askAgain(epoch: epoch) }
    self.epoch = epoch
    self.stages = stages
    self.givers = givers
    predictedStepSeconds = limits.predictedSeconds
    pending = Set(stages.map(\.peer))
  }

  var isReady: Bool { pending.isEmpty && rebuild == nil }
  /// Steps that somebody computes, by number.
  var stepsUnderWay: [UInt64: StepInFlight] { rebuild?.steps ?? steps }
  var first: PeerIdentity { stages[0].peer }

  /// What a worker holds; nil for nothing.
  func layers(of peer: PeerIdentity) -> Range<Int>? { stages.first { $0.peer == peer }?.layers }
  func contains(_ peer: PeerIdentity) -> Bool { stages.contains { $0.peer == peer } }
}

/// A step between stage 0 and its result.
struct StepInFlight: Sendable {
  let plan: StepPlan
  /// When it was sent, in seconds.
  var sent: Double
}
