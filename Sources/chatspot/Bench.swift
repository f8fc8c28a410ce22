/// `chatspot bench`: how fast this machine runs a model.

public import ArgumentParser
import Benchmark
import Checkpoints
import Compute
import Foundation
import Supervision

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures how fast this machine runs a model, and what it could do at best.",
    discussion: """
      No cluster is needed. Every figure is the median of the repetitions, beside its share of the \
      read bandwidth and of the multiply-add rate that are measured in the same run. Decoding begins \
      with an empty context; tokens are made up, and nothing is sampled.

        chatspot bench --dimensions 7b --weights f16 --batch 1,8
        chatspot bench --model vicuna-7b.Q4_0.gguf
        chatspot bench --dimensions 1.1b --prompt 0 --generate 0 --vision
      """)

  @OptionGroup var model: ModelOption

  @Option(
    help: "Random weights of these dimensions instead of a checkpoint: 1.1b, 7b or 13b.")
  var dimensions: ModelDimensions?

  @Option(
    help: """
      How matrices are held; of q8_0 and q4_0 the decoder's linear layers. Default: as the checkpoint stores them; f16 with --dimensions.
      """)
  var weights: WeightFormat?

  @Option(help: "Tokens of the prompt; 0 leaves prefill out.")
  var prompt = BenchmarkSettings().prompt

  @Option(help: "Tokens that each sequence decodes; 0 leaves decoding out.")
  var generate = BenchmarkSettings().generate

  @Option(
    help: "How many sequences decode at once: a list, such as 1,8,16.", transform: batchList)
  var batch = BenchmarkSettings().batches

  @Flag(help: "Measure the vision encoder too; with --dimensions CLIP ViT-L/14 at 336 pixels.")
  var vision = false

  @Option(help: "How often each work is timed, after a run that is not.")
  var repetitions = BenchmarkSettings().repetitions

  @OptionGroup var threads: ThreadOptions

  @Flag(help: "Print one JSON object instead of the table.")
  var json = false

  func validate() throws {
    guard model.model == nil || dimensions == nil else {
      throw ValidationError("Name --model or --dimensions, not both.")
    }
    do throws(BenchmarkError) {
      try settings.check()
    } catch {
      throw ValidationError(error.description)
    }
  }

  func run() throws {
    let team = try threads.team("bench")
    let benchmark = try Benchmark(
      try subject(team), settings: settings, team: team, availableBytes: SystemMemory.available())
    let report = try benchmark.run(
      onMachine: { if !json { announce($0.heading) } },
      onResult: { if !json { announce($0.row) } })
    if json { FileHandle.standardOutput.write(try report.json() + Data("\n".utf8)) }
  }

  private func subject(_ team: ThreadTeam) throws -> BenchmarkSubject {
    if let dimensions {
      return BenchmarkSubject(dimensions, format: weights ?? .f16, team: team)
    }
    return BenchmarkSubject(try model.checkpoint(), format: weights, team: team)
  }

  private var settings: BenchmarkSettings {
    var settings = BenchmarkSettings()
    settings.prompt = prompt
    settings.generate = generate
    settings.batches = batch
    settings.vision = vision
    settings.repetitions = repetitions
    return settings
  }

  private static func batchList(_ text: String) throws -> [Int] {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count <= 64, numbers.allSatisfy({ $0 != nil }) else {
      throw ValidationError("--batch takes numbers, such as 1,8,16; not \"\(text)\".")
    }
    return numbers.compactMap { $0 }
  }
}

extension ModelDimensions: ExpressibleByArgument {}
