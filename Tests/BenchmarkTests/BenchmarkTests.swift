/// The benchmark's figures, as far as they do not depend on the machine.

import Checkpoints
import Compute
import Foundation
import Models
import Testing

@testable import Benchmark

@Suite("benchmark")
struct BenchmarkTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()

  private func settings() -> BenchmarkSettings {
    var settings = BenchmarkSettings()
    settings.prompt = 20
    settings.generate = 5
    settings.batches = [1, 3]
    settings.repetitions = 2
    settings.vision = true
    return settings
  }

  @Test("the numbers of well-known models are counted as they are known")
  func modelWork() {
    let known: [(ModelDimensions, Double)] = [
      (.billion1, 1.1), (.billion7, 6.74), (.billion13, 13.02),
    ]
    for (dimensions, billions) in known {
      let text = dimensions.text
      let embedding = Double(text.vocabulary * text.hidden)
      let numbers = DecoderWork(text).matrixNumbers + embedding
      #expect(abs(numbers / 1e9 - billions) < 0.005 * billions)
    }
    // CLIP ViT-L/14-336 has 304 million, a fraction of them in norms, biases and positions.
    let vision = VisionWork(.large14(imageSide: 336), layers: 24)
    #expect(abs(vision.matrixNumbers / 1e6 - 303) < 2)
  }

  @Test("operations of a prompt are those of its tokens one by one")
  func operations() {
    let work = DecoderWork(ModelDimensions.billion1.text)
    let whole = work.operations(positions: 0..<40, logitRows: 40)
    let single = (0..<40).reduce(0.0) { $0 + work.operations(positions: $1..<$1 + 1, logitRows: 1) }
    #expect(abs(whole - single) <= 1e-9 * whole)
    #expect(work.cacheBytes(positions: 0..<2) == 3 * 22 * 2 * 4 * 64 * 2)
  }

  @Test("median and spread of odd and even numbers of repetitions")
  func statistics() {
    func timing(_ seconds: [Double]) -> Timing {
      Timing(seconds: seconds, tokens: 1, operations: 0, bytesRead: 0)
    }
    #expect(timing([3, 1, 2]).medianSeconds == 2)
    #expect(timing([4, 1, 2, 3]).medianSeconds == 2.5)
    #expect(timing([3, 1, 2]).spread == 1)
    #expect(timing([5]).spread == 0)
    #expect(timing([5]).shareOfReading == nil)
    var inTurns = timing([4, 2, 10])
    inTurns.readingSeconds = [3, 2, 1]
    #expect(inTurns.shareOfReading == 0.75)
  }

  @Test("a checkpoint as it is and in every format gives a result for each work")
  func checkpoint() throws {
    let team = try ThreadTeam(threads: 2)
    let checkpoint = try Checkpoint(directory: Self.tests.appending(path: "Fixtures/tiny-mlp-gqa"))
    for format in [nil] + WeightFormat.plain.map(Optional.init) {
      let subject = BenchmarkSubject(checkpoint, format: format, team: team)
      let report = try Benchmark(
        subject, settings: settings(), team: team, availableBytes: 1 << 30
      ).run()
      #expect(report.results.map(\.work) == [.prefill, .decode, .decode, .vision])
      #expect(report.results.map(\.batch) == [1, 1, 3, 1])
      #expect(report.results.prefix(3).map(\.tokens) == [20, 5, 5])
      for result in report.results {
        #expect(format == nil || result.weights == format?.rawValue)
        #expect(result.tokensPerSecond > 0 && result.shareOfFmaPeak > 0)
        #expect(result.shareOfBandwidth > 0 && result.residentBytes > 1 << 20)
        #expect((result.shareOfReading ?? 0 > 0) == (result.work == .decode))
      }
    }
  }

  @Test("a model that does not fit is refused, and one that is not made is not counted")
  func memory() throws {
    let team = ThreadTeam.single
    var settings = settings()
    let subject = BenchmarkSubject(.billion13, format: .f16, team: team)
    let needed = 13.0e9 * 2
    #expect(throws: BenchmarkError.self) {
      try Benchmark(subject, settings: settings, team: team, availableBytes: Int(needed))
    }
    _ = try Benchmark(subject, settings: settings, team: team, availableBytes: Int(needed * 1.05))
    (settings.prompt, settings.generate) = (0, 0)
    _ = try Benchmark(subject, settings: settings, team: team, availableBytes: 1 << 30)
    settings.vision = false
    #expect(throws: BenchmarkError.self) {
      try Benchmark(subject, settings: settings, team: team, availableBytes: Int(needed * 2))
    }
  }

  @Test("random weights are finite, spread as they should be, and fill large tensors")
  func randomWeights() throws {
    for format in WeightFormat.plain {
      let tensor = try RandomWeights(format: format).tensor(
        shape: [1100, 1001], on: try ThreadTeam(threads: 3))
      let values = tensor.widened()
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
      let square = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)
      #expect(abs(mean) < 1e-3 && abs(square.squareRoot() - 0.02) < 1e-3)
      #expect(values.suffix(1000).contains { $0 != 0 })
    }
  }

  @Test("the machine's limits are more than nothing and grow with threads, if at all")
  func limits() throws {
    let limits = try MachineLimits.measured(on: .single, bytes: 8 << 20, repetitions: 2)
    #expect(limits.readBandwidth > 1e8 && limits.multiplyAddRate > 1e8)
    #expect(limits.readBandwidth < 1e13 && limits.multiplyAddRate < 1e13)
  }
}
