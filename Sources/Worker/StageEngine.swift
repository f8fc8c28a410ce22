/// One stage's layers and KV cache, computing on a thread of their own.

internal import Checkpoints
internal import Compute
internal import Messaging
internal import Models
internal import Wire

/// What a stage is asked, in the order of arrival.
enum StageWork: Sendable {
  /// With the model, or as much of it as the assignment needs; nil where it needs none.
  case assign(Assignment, of: Checkpoint?)
  /// Loads layers beside those that are held.
  case prepare(Assignment, of: Checkpoint)
  case features(ImageFeatures)
  case release([UInt64])
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

  private let team: ThreadTeam
  private let clock = ContinuousClock()
  private var loaded: LoadedStage?
  /// Layers of a plan that is to come.
  private var prepared: Prepared?
  private var scratch = LlamaScratch()
  private var hidden = Matrix()
  private var runs: [TokenRun] = []
  private var logits = Matrix()

  /// Weights that have been loaded before the plan that needs them.
  private struct Prepared {
    let assignment: Assignment
    let stage: LlamaStage
    let projector: Projector?
  }

  init(team: ThreadTeam, thread: Reactor) {
    self.team = team
    self.thread = thread
  }

  func measureSpeed() -> Int { SpeedMeasurement.weightBytesPerSecond(team) }

  /// Does the work in order until there is no more.
  func run(_ work: AsyncStream<StageWork>, into results: AsyncStream<StageResult>.Continuation)
    async
  {
    team.bindCaller()
    for await item in work {
      switch item {
      case .assign(let assignment, let checkpoint): assign(assignment, of: checkpoint, results)
      case .prepare(let assignment, let checkpoint): prepare(assignment, of: checkpoint, results)
      case .features(let features): receive(features, results)
      case .release(let images): for image in images { loaded?.images[image] = nil }
      case .step(let step, let arrived):
        let started = clock.now
        if step.purpose == .resend {
          resend(step, results)
        } else {
          compute(step, arrived: arrived, results)
        }
        results.yield(.finishedStep(busySeconds: (clock.now - started).seconds))
      }
    }
    results.finish()
  }

  /// Maps the layers of an assignment and makes their KV cache, or keeps those that are here already;
  /// without layers, lets both go.
  private func assign(
    _ assignment: Assignment, of checkpoint: Checkpoint?,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    guard !assignment.keeps else { return keep(assignment, results) }
    let started = clock.now
    let held = loaded.flatMap { $0.serves(assignment) ? $0 : nil }
    // Before others are loaded, so that there is room for them.
    loaded = nil
    let prepared = self.prepared
    self.prepared = nil
    guard assignment.layerCount > 0, let checkpoint else { return }
    do {
      let loaded =
        try held?.taken(over: assignment) ?? load(assignment, of: checkpoint, prepared)
      self.loaded = loaded
      let ready = Ready(
        epoch: assignment.epoch, weightBytes: loaded.stage.weightBytes,
        kvBytes: loaded.reservedBytes, loadSeconds: (clock.now - started).seconds)
      results.yield(.toCoordinator(.ready(ready)))
    } catch let error as WorkerError {
      results.yield(.failed(error))
    } catch {
      results.yield(.failed(WorkerError(.loading, "\(error)")))
    }
  }

  /// Goes on with all that is held, under another plan's number.
  private func keep(
    _ assignment: Assignment, _ results: AsyncStream<StageResult>.Continuation
  ) {
    guard let kept = loaded?.kept(for: assignment) else {
      let error = WireError(
        code: .internal, text: "it does not hold what the plan has it keep",
        epoch: assignment.epoch)
      results.yield(.toCoordinator(.error(error)))
      return
    }
    loaded = kept
    let ready = Ready(
      epoch: assignment.epoch, weightBytes: kept.stage.weightBytes, kvBytes: kept.reservedBytes)
    results.yield(.toCoordinator(.ready(ready)))
  }

  /// The decoder's weights in the format that the plan says; empty is as they are stored.
  private func decoderWeights(
    of checkpoint: Checkpoint, heldAs name: String
  ) throws(WorkerError) -> WeightScope {
    let format = WeightFormat(target: name)
    guard name.isEmpty || format != nil else {
      throw WorkerError(
        .loading, "the plan holds weights as \(name), which this worker does not know",
        remedy: "Run the same version everywhere; this one knows \(WeightFormat.targetNames)")
    }
    return WeightScope(
      of: ConvertedWeights(checkpoint, to: format, on: team), prefix: "language_model")
  }

  private func prepare(
    _ assignment: Assignment, of checkpoint: Checkpoint,
    _ results: AsyncStream<StageResult>.Continuation
  ) {
    let started = clock.now
    prepared = nil
    do {
      let (stage, projector) = try loadWeights(assignment, of: checkpoint)
      prepared = Prepared(assignment: assignment, stage: stage, projector: projector)
      let ready = Ready(
        epoch: assignment.epoch, weightBytes: stage.weightBytes,
        loadSeconds: (clock.now - started).seconds)
      results.yield(.toCoordinator(.ready(ready)))
    } catch {
      results.yield(.failed(error))
    }
  }

  private func load(
    _ assignment: Assignment, of checkpoint: Checkpoint, _ prepared: Prepared?
  ) throws(WorkerError) -> LoadedStage {
    let isPrepared =
      prepared.map {
        $0.assignment.layers == assignment.layers && $0.assignment.weights == assignment.weights
      } ?? false
    let (stage, projector) =
      if isPrepared, let prepared {
        (prepared.stage, prepared.projector)
      } else {
        try loadWeights(assignment, of: checkpoint)
      }
    do {
      return try LoadedStage(
        stage, projector: projector, ends: checkpoint.configuration.endsOfSequence,
        for: assignment)
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }

  private func loadWeights(
    _ assignment: Assignment, of checkpoint: Checkpoint
  ) throws(WorkerError) -> (LlamaStage, Projector?) {
    let text = checkpoint.configuration.text
    let layers = assignment.layers
    guard layers.upperBound <= text.layers else {
      throw WorkerError(.loading, "layers \(layers) are assigned; the model has \(text.layers)")
    }
    let weights = try decoderWeights(of: checkpoint, heldAs: assignment.weights)
    do {
      let stage = try LlamaStage(
        loading: weights, configuration: text, layerRange: layers)
      let projector =
        stage.isFirst
        ? try Projector(
          loading: checkpoint.weights("multi_modal_projector"),
          configuration: checkpoint.configuration) : nil
      return (stage, projector)
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
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
