/// Times the decoder.

internal import Checkpoints
internal import Compute
internal import Models

/// Runs prompts and batches through a decoder and times them. Tokens are made up and nothing is
/// sampled; logits are computed where serving would need them.
struct DecoderBenchmark {
  private let stage: LlamaStage
  private let work: DecoderWork
  private let team: ThreadTeam
  private let cache: KVMemory
  private var scratch = LlamaScratch()
  private var hidden = Matrix()
  private var logits = Matrix()

  static let blockTokens = 16

  /// KV blocks of a sequence.
  static func blocks(_ positions: Int) -> Int {
    max(1, (positions + blockTokens - 1) / blockTokens)
  }

  init(
    _ stage: LlamaStage, settings: BenchmarkSettings, team: ThreadTeam
  ) throws(ComputeError) {
    self.stage = stage
    self.team = team
    work = DecoderWork(stage.configuration)
    let blocks = settings.cacheShapes.map { $0.sequences * Self.blocks($0.positions) }
    cache = try stage.makeCache(blocks: blocks.max() ?? 1, blockTokens: Self.blockTokens)
  }

  /// A prompt in one step, with the logits of its last token.
  mutating func prefill(_ tokens: Int, repetitions: Int) -> Timing {
    let prompt = Self.tokens(tokens, stage.configuration)
    let run = TokenRun(
      firstRow: 0, count: tokens, firstPosition: 0, blocks: Self.blockList(0, tokens))
    let seconds = Timing.measured(repetitions) { _ in
      step(prompt, runs: [run], rows: [tokens - 1])
    }
    return Timing(
      seconds: seconds, tokens: tokens,
      operations: work.operations(positions: 0..<tokens, logitRows: 1),
      bytesRead: Double(stage.stepWeightBytes))
  }

  /// `tokens` steps of one token of each of `batch` sequences, from an empty context on, in turns
  /// with reading the weights alone.
  mutating func decode(_ tokens: Int, batch: Int, repetitions: Int) -> Timing {
    let ids = Self.tokens(batch, stage.configuration)
    var runs = (0..<batch).map { sequence in
      TokenRun(
        firstRow: sequence, count: 1, firstPosition: 0,
        blocks: Self.blockList(sequence * Self.blocks(tokens), tokens))
    }
    let rows = Array(0..<batch)
    let (matrices, team) = (stage.stepMatrices, team)
    var reading: [Double] = []
    func read() {
      let seconds = Timing.seconds {
        for _ in 0..<Self.readings {
          for matrix in matrices { matrix.readPlainly(on: team) }
        }
      }
      reading.append(seconds / Double(Self.readings) * Double(tokens))
    }
    let seconds = Timing.measured(repetitions, pause: read) { isWarmUp in
      for position in 0..<(isWarmUp ? min(tokens, Self.warmUpTokens) : tokens) {
        for index in runs.indices { runs[index].firstPosition = position }
        step(ids, runs: runs, rows: rows)
      }
    }
    let sequence = work.operations(positions: 0..<tokens, logitRows: tokens)
    return Timing(
      seconds: seconds, tokens: tokens * batch, operations: sequence * Double(batch),
      bytesRead: Double(stage.stepWeightBytes) * Double(tokens)
        + work.cacheBytes(positions: 0..<tokens) * Double(batch),
      readingSeconds: reading)
  }

  private mutating func step(_ tokens: [Int32], runs: [TokenRun], rows: [Int]) {
    stage.embed(tokens, into: &hidden)
    stage.forward(&hidden, runs: runs, cache: cache, scratch: &scratch, on: team)
    stage.logits(of: hidden, rows: rows, scratch: &scratch, into: &logits, on: team)
  }

  private static func tokens(_ count: Int, _ text: TextConfiguration) -> [Int32] {
    (0..<count).map { Int32($0 * 7919 % text.vocabulary) }
  }

  private static func blockList(_ first: Int, _ positions: Int) -> [UInt32] {
    (first..<first + blocks(positions)).map { UInt32($0) }
  }

  private static let warmUpTokens = 4
  /// How often the weights are read between two repetitions.
  private static let readings = 4
}
