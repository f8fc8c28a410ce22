/// The whole model in one process, split into stages as a pipeline would be.

import Checkpoints
import Compute

@testable import Models

struct Generator {
  let encoder: CLIPVisionEncoder
  let projector: Projector
  let stages: [LlamaStage]
  let caches: [KVMemory]
  let configuration: ModelConfiguration
  var scratch = LlamaScratch()
  /// How many tokens of a prompt are computed at once.
  var chunk = Int.max

  /// `stages` are the numbers of layers of each stage.
  init(_ checkpoint: Checkpoint, stages counts: [Int]) throws {
    configuration = checkpoint.configuration
    encoder = try CLIPVisionEncoder(
      loading: checkpoint.weights("vision_tower"), configuration: configuration)
    projector = try Projector(
      loading: checkpoint.weights("multi_modal_projector"), configuration: configuration)
    var first = 0
    var stages: [LlamaStage] = []
    for count in counts {
      stages.append(
        try LlamaStage(
          loading: checkpoint.weights("language_model"), configuration: configuration.text,
          layerRange: first..<first + count))
      first += count
    }
    self.stages = stages
    caches = try stages.map { try $0.makeCache(blocks: 64, blockTokens: 16, format: .f32) }
  }

  /// Logits of every token, `[tokens, vocabulary]`. Image rows take the place of image tokens.
  mutating func prefill(_ tokens: [Int32], image: Matrix?) throws -> Matrix {
    var hidden = Matrix()
    stages[0].embed(tokens, into: &hidden)
    var row = 0
    for (index, token) in tokens.enumerated() where token == configuration.imageToken {
      guard let image else { continue }
      hidden.copyRow(row, of: image, to: index)
      row += 1
    }
    var all: [Float] = []
    var first = 0
    while first < tokens.count {
      let count = min(chunk, tokens.count - first)
      all += run(hidden.rows(first..<first + count), at: first).values
      first += count
    }
    return Matrix(rows: tokens.count, columns: configuration.text.vocabulary, values: all)
  }

  mutating func answer(
    _ tokens: [Int32], pixels: [Float], newTokens: Int, stopping: Bool = true
  ) throws -> [Int32] {
    let prompt = try prefill(tokens, image: projector(encoder.encode(pixels)))
    var token = greedy(prompt[row: prompt.rows - 1], at: tokens.count)
    var answer = [token]
    while answer.count < newTokens, !(stopping && configuration.endsOfSequence.contains(token)) {
      var hidden = Matrix()
      stages[0].embed([token], into: &hidden)
      let logits = run(hidden, at: tokens.count + answer.count - 1)
      token = greedy(logits[row: 0], at: tokens.count + answer.count)
      answer.append(token)
    }
    return answer
  }

  private func greedy(_ logits: ArraySlice<Float>, at position: Int) -> Int32 {
    SamplingParameters().sample(logits, position: position).token
  }

  private mutating func run(_ rows: Matrix, at position: Int) -> Matrix {
    var hidden = rows
    let run = TokenRun(
      firstRow: 0, count: rows.rows, firstPosition: position, blocks: (0..<64).map { 63 - $0 })
    for (stage, cache) in zip(stages, caches) {
      stage.forward(&hidden, runs: [run], cache: cache, scratch: &scratch)
    }
    var logits = Matrix()
    stages[stages.count - 1].logits(
      of: hidden, rows: Array(0..<hidden.rows), scratch: &scratch, into: &logits)
    return logits
  }
}
