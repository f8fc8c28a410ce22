/// One stage's layers and KV cache, computing on a thread of their own.

internal import Checkpoints
internal import Compute
internal import Messaging
internal import Models
internal import Wire

/// What a stage is asked; it is done in the order of arrival, but for what others ask of its KV blocks.
enum StageWork: Sendable {
  /// With the model, or as much of it as the assignment needs; nil where it needs none.
  case assign(Assignment, of: Checkpoint?)
  /// Loads layers beside those that are held.
  case prepare(Assignment, of: Checkpoint)
  case features(ImageFeatures)
  case release([UInt64])
  /// Reads KV blocks for another worker, once no step waits or it is the turn of those who ask.
  case give(KVRequest, @Sendable (KVContents) -> Void)
  /// Goes on reading them.
  case giveMore
  /// Writes KV blocks of another worker into those of a plan.
  case fill(KVContents, plan: UInt64, taken: CheckedContinuation<Void, Never>)
  /// All that a plan has from others has been written.
  case filled(plan: UInt64)
  /// Nobody needs what KV blocks of the plan before hold, and no plan is to come.
  case settled
  case step(Step, arrived: ContinuousClock.Instant)
}

/// What comes of it.
enum StageResult: Sendable {
  case toCoordinator(Message)
  case toNext(Step)
  /// A step is done with, whatever came of it, after so much computing.
  case finishedStep(busySeconds: Double)
  /// The stage cannot be loaded on this machine.
  case failed(WorkerError)
}

/// Holds weights and KV blocks, and computes steps one after the other. A stage decides nothing: a
/// step carries all that it needs.
actor StageEngine {
  /// The thread that computes; sockets are served on another, so that heartbeats never wait.
  private nonisolated let thread: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  let team: ThreadTeam
  let clock = ContinuousClock()
  var loaded: LoadedStage?
  /// Layers of a plan that is to come.
  var prepared: PreparedStage?
  /// KV blocks of the plan before, for those who have its layers now.
  var given: GivenBlocks?
  /// What others ask of KV blocks and have not got yet.
  var asked: [(request: KVRequest, answer: @Sendable (KVContents) -> Void)] = []
  /// What the last step took.
  private(set) var stepDuration = Duration.zero
  /// Said once KV blocks have come that others fill, and the plan whose have.
  var readiness: Ready?
  var filledPlan: UInt64?
  private var scratch = LlamaScratch()
  private var hidden = Matrix()
  private var runs: [TokenRun] = []
  private var logits = Matrix()

  init(team: ThreadTeam, thread: Reactor) {
    self.team = team
    self.thread = thread
  }

  func measureSpeed() -> Int { SpeedMeasurement.weightBytesPerSecond(team) }

  /// Does the work until there is no more. What it puts off itself it adds to `later`, the same work.
  func run(
    _ work: AsyncStream<StageWork>, later: AsyncStream<StageWork>.Continuation,
    into results: AsyncStream<StageResult>.Continuation
  ) async {
    team.bindCaller()
    for await item in work {
      switch item {
      case .assign(let assignment, let checkpoint): assign(assignment, of: checkpoint, results)
      case .prepare(let assignment, let checkpoint): prepare(assignment, of: checkpoint, results)
      case .features(let features): receive(features, results)
      case .release(let images): for image in images { loaded?.images[image] = nil }
      case .give(let request, let answer):
        ask(request, answer)
        if asked.count == 1 { later.yield(.giveMore) }
      case .giveMore:
        give()
        if !asked.isEmpty { later.yield(.giveMore) }
      case .fill(let contents, let plan, let taken):
        fill(contents, plan)
        taken.resume()
      case .filled(let plan): filled(plan, results)
      case .settled: (given, prepared) = (nil, nil)
      case .step(let step, let arrived):
        let started = clock.now
        if step.purpose == .resend {
          resend(step, results)
        } else {
          compute(step, arrived: arrived, results)
        }
        stepDuration = clock.now - started
        results.yield(.finishedStep(busySeconds: stepDuration.seconds))
      }
    }
    while !asked.isEmpty { give() }
    results.finish()
  }

  private func receive(
    _ message: ImageFeatures, _ results: AsyncStream<StageResult>.Continuation
  ) {
    guard let loaded, let projector = loaded.projector,
      message.epoch == loaded.assignment.epoch
    else { return }
    let isHeld = loaded.images[message.image] != nil
    guard isHeld || loaded.images.count < loaded.assignment.featureCredits else {
      let error = WireError(
        code: .overloaded,
        text: "stage 0 holds \(loaded.images.count) images, as many as it has credits for",
        image: message.image)
      results.yield(.toCoordinator(.error(error)))
      return
    }
    let image = ImageRows(
      Matrix(message.features), projector: projector, hidden: loaded.stage.configuration.hidden)
    self.loaded?.images[message.image] = image
    let ready = FeaturesReady(
      epoch: message.epoch, image: message.image, rows: image.count,
      decodeSeconds: message.decodeSeconds, encodeSeconds: message.encodeSeconds,
      startSeconds: message.startSeconds)
    results.yield(.toCoordinator(.featuresReady(ready)))
  }

  private func compute(
    _ step: Step, arrived: ContinuousClock.Instant,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    guard let loaded, step.epoch == loaded.assignment.epoch else { return }
    let started = clock.now
    if let activations = step.activations {
      hidden.take(activations)
    } else if let fault = embed(step, loaded) {
      results.yield(.toCoordinator(.error(fault)))
      return
    }
    step.write(to: &runs)
    loaded.stage.forward(
      &hidden, runs: runs, cache: loaded.cache, scratch: &scratch, on: team)
    let tokens = step.purpose == .compute && loaded.stage.isLast ? sample(step, loaded) : []
    let elapsed = clock.now - started
    let timing = StageTiming(
      stage: loaded.assignment.stage, computeSeconds: elapsed.seconds,
      waitSeconds: (started - arrived).seconds,
      startSeconds: ProcessClock.seconds(at: started))
    if !loaded.stage.isLast {
      let next = step.passedOn(hidden, loaded.assignment.activationType, timing)
      if let activations = next.activations { loaded.log?.record(activations.data, of: runs) }
      if step.purpose == .compute {
        results.yield(.toNext(next))
        return
      }
    }
    let message = Tokens(
      epoch: step.epoch, number: step.number, tokens: tokens, timings: step.timings + [timing])
    results.yield(.toCoordinator(.tokens(message)))
  }

  /// Sends what was sent before once more, to a stage that rebuilds its KV blocks.
  private func resend(_ step: Step, _ results: AsyncStream<StageResult>.Continuation) {
    guard let loaded, step.epoch == loaded.assignment.epoch else { return }
    guard let log = loaded.log else {
      let error = WireError(
        code: .internal, text: "it keeps no log of what it sent", epoch: step.epoch,
        step: step.number)
      results.yield(.toCoordinator(.error(error)))
      return
    }
    step.write(to: &runs)
    let again = step.sentAgain(
      log.activations(of: runs), width: loaded.stage.configuration.hidden,
      loaded.assignment.activationType)
    results.yield(.toNext(again))
  }

  /// Embeddings of all tokens, image features in their places. Returns what is wrong, if anything
  /// is.
  private func embed(_ step: Step, _ loaded: LoadedStage) -> WireError? {
    loaded.stage.embed(step.spans.flatMap(\.tokenIDs), into: &hidden)
    var firstRow = 0
    for span in step.spans {
      for splice in span.splices {
        guard let image = loaded.images[splice.image],
          splice.firstRow + splice.rowCount <= image.count
        else {
          return WireError(
            code: .invalidMessage,
            text: "step \(step.number) refers to rows of image \(splice.image) that are not here",
            epoch: step.epoch, step: step.number)
        }
        image.prepare(splice.firstRow..<splice.firstRow + splice.rowCount, on: team)
        for row in 0..<splice.rowCount {
          hidden.copyRow(
            splice.firstRow + row, of: image.projected, to: firstRow + splice.firstToken + row)
        }
      }
      firstRow += span.tokenCount
    }
    return nil
  }

  private func sample(_ step: Step, _ loaded: LoadedStage) -> [Wire.SampledToken] {
    var rows: [Int] = []
    var lastRow = -1
    for span in step.spans {
      lastRow += span.tokenCount
      if span.samples { rows.append(lastRow) }
    }
    guard !rows.isEmpty else { return [] }
    loaded.stage.logits(of: hidden, rows: rows, scratch: &scratch, into: &logits, on: team)
    return zip(step.spans.lazy.filter(\.samples), 0...).map { span, row in
      let position = span.firstPosition + span.tokenCount
      let sampled = SamplingParameters(span.sampling ?? .greedy).sample(
        logits[row: row], position: position,
        generated: span.generated.map { ($0.tokenID, $0.count) },
        withheld: span.withholdsEnd ? loaded.ends : [], likeliest: span.logProbabilities)
      return Wire.SampledToken(
        sequence: span.sequence, position: position, tokenID: sampled.token,
        logProbability: sampled.logProbability?.sendable ?? 0,
        likeliest: sampled.likeliest.map {
          TokenLikelihood(id: $0.token, logProbability: $0.logProbability.sendable)
        })
    }
  }
}

extension Float {
  /// The wire takes finite numbers only; so does JSON.
  fileprivate var sendable: Float { isFinite ? self : -9999 }
}
