internal import CChatSpotWire

/// What a stage spent on a step.
public struct StageTiming: Sendable, Equatable {
  /// The place in the pipeline.
  public var stage: Int
  /// Time computing, in seconds.
  public var computeSeconds: Double
  /// Time the step waited at the stage before it was computed, in seconds.
  public var waitSeconds: Double
  /// When it began to compute, in seconds on the stage's own monotonic clock.
  public var startSeconds: Double

  /// Takes the fields as they are; `encode` checks them.
  public init(
    stage: Int, computeSeconds: Double = 0, waitSeconds: Double = 0, startSeconds: Double = 0
  ) {
    self.stage = stage
    self.computeSeconds = computeSeconds
    self.waitSeconds = waitSeconds
    self.startSeconds = startSeconds
  }
}

extension StageTiming: WireMessage {
  static var messageName: StaticString { "StageTiming" }
  static var initialise: Initialiser<Chatspot__V1__StageTiming> { chatspot__v1__stage_timing__init }

  init(reading c: Chatspot__V1__StageTiming) throws(WireFault) {
    stage = Int(c.stage)
    computeSeconds = c.compute_seconds
    waitSeconds = c.wait_seconds
    startSeconds = c.start_seconds
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(stage, "stage", 0...limits.stages)
    try check.seconds(computeSeconds, "compute_seconds")
    try check.seconds(waitSeconds, "wait_seconds")
    try check.seconds(startSeconds, "start_seconds")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__StageTiming>, _ arena: PackArena) {
    c.pointee.stage = UInt32(clamping: stage)
    c.pointee.compute_seconds = computeSeconds
    c.pointee.wait_seconds = waitSeconds
    c.pointee.start_seconds = startSeconds
  }
}
