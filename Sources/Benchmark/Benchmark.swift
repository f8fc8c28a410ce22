/// Measures a model on this machine, and the machine itself.

public import Compute
internal import Models

/// A benchmark without a cluster: prefill, decoding in batches and the vision encoder, beside the
/// machine's own limits measured in the same run.
public struct Benchmark: Sendable {
  private let subject: BenchmarkSubject
  private let settings: BenchmarkSettings
  private let team: ThreadTeam

  /// Refuses what cannot be measured: throws `.configuration`, or `.tooLarge` where the model needs
  /// more than `availableBytes`.
  public init(
    _ subject: BenchmarkSubject, settings: BenchmarkSettings, team: ThreadTeam, availableBytes: Int
  ) throws(BenchmarkError) {
    try settings.check()
    try subject.checkMemory(settings, available: availableBytes)
    self.subject = subject
    self.settings = settings
    self.team = team
  }

  /// Runs it all on the calling thread and the team. `onMachine` and `onResult` are called as soon
  /// as there is something to show.
  ///
  /// Throws what keeps the model from being loaded.
  public func run(
    onMachine: (BenchmarkReport.Machine) -> Void = { _ in },
    onResult: (BenchmarkResult) -> Void = { _ in }
  ) throws -> BenchmarkReport {
    team.bindCaller()
    let machine = BenchmarkReport.Machine(
      try MachineLimits.measured(on: team), threads: team.threads)
    onMachine(machine)
    var results: [BenchmarkResult] = []
    func add(_ result: BenchmarkResult) {
      results.append(result)
      onResult(result)
    }
    if settings.decodes { try decoder(machine, add) }
    if settings.vision { add(try vision(machine)) }
    return BenchmarkReport(machine: machine, results: results)
  }

  private func decoder(
    _ machine: BenchmarkReport.Machine, _ add: (BenchmarkResult) -> Void
  ) throws {
    let stage = try subject.decoder()
    var benchmark = try DecoderBenchmark(stage, settings: settings, team: team)
    let weights = stage.weightFormat?.rawValue ?? ""
    if settings.prompt > 0 {
      let timing = benchmark.prefill(settings.prompt, repetitions: settings.repetitions)
      add(
        BenchmarkResult(
          .prefill, timing, batch: 1, dimensions: subject.name, weights: weights, machine: machine))
    }
    guard settings.generate > 0 else { return }
    for batch in settings.batches {
      let timing = benchmark.decode(
        settings.generate, batch: batch, repetitions: settings.repetitions)
      add(
        BenchmarkResult(
          .decode, timing, batch: batch, dimensions: subject.name, weights: weights,
          machine: machine))
    }
  }

  private func vision(_ machine: BenchmarkReport.Machine) throws -> BenchmarkResult {
    let encoder = try subject.encoder()
    let timing = VisionBenchmark.encode(encoder, repetitions: settings.repetitions, team: team)
    return BenchmarkResult(
      .vision, timing, batch: 1, dimensions: subject.visionName,
      weights: encoder.weightFormat.rawValue, machine: machine)
  }
}
