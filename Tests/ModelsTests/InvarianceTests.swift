/// How the work is split never changes an answer.

import Checkpoints
import Compute
import Foundation
import Synchronization
import Testing

@testable import Models

@Suite("splitting the work changes nothing")
struct InvarianceTests {
  @Test("logits are bit for bit the same however layers and prompts are split")
  func stagesAndChunks() throws {
    let oracle = try Oracle("tiny-mlp-gqa")
    let tokens = try #require(oracle.texts["input_ids"]).tokens
    let image = try oracle.matrix("projected")
    var whole = try Generator(oracle.checkpoint, stages: [4])
    let expected = try whole.prefill(tokens, image: image)
    for stages in [[2, 2], [1, 3], [1, 2, 1], [1, 1, 1, 1]] {
      for chunk in [Int.max, 16, 7, 1] {
        var split = try Generator(oracle.checkpoint, stages: stages)
        split.chunk = chunk
        #expect(try split.prefill(tokens, image: image) == expected, "\(stages), \(chunk)")
      }
    }
  }

  @Test(
    "a sequence's hidden states do not depend on the sequences computed with it",
    arguments: WeightFormat.targets)
  func batches(format: WeightFormat) throws {
    let oracle = try Oracle("tiny-linear")
    let converted = ConvertedWeights(
      oracle.checkpoint, to: format, on: try ThreadTeam(threads: 2))
    let stage = try LlamaStage(
      loading: WeightScope(of: converted, prefix: "language_model"),
      configuration: oracle.checkpoint.configuration.text, layerRange: 0..<4)
    let prompts: [[Int32]] = [[1, 401, 814, 739], [1, 5], [1, 9, 300, 301, 302, 303, 304]]
    var alone: [Matrix] = []
    for prompt in prompts { alone.append(try forward(stage, [prompt])) }
    let together = try forward(stage, prompts)
    var row = 0
    for matrix in alone {
      #expect(together.rows(row..<row + matrix.rows) == matrix)
      row += matrix.rows
    }
  }

  @Test("a stage maps the matrices of its own layers and of the ends that it holds, no others")
  func ownWeights() throws {
    let oracle = try Oracle("tiny-mlp-gqa")
    let checkpoint = oracle.checkpoint
    func bytes(_ stage: Range<Int>) throws -> Int {
      try LlamaStage(
        loading: checkpoint.weights("language_model"),
        configuration: checkpoint.configuration.text, layerRange: stage
      ).weightBytes
    }
    func stored(_ layer: Int) -> Int {
      let prefix = "language_model.layers.\(layer)"
      return checkpoint.byteCount(prefix: "\(prefix).self_attn.")
        + checkpoint.byteCount(prefix: "\(prefix).mlp.")
    }
    let table = checkpoint.byteCount(prefix: "language_model.embed_tokens.")
    let head = checkpoint.byteCount(prefix: "language_model.lm_head.")
    #expect(try bytes(1..<3) == stored(1) + stored(2))
    #expect(try bytes(0..<1) == stored(0) + table)
    #expect(try bytes(3..<4) == stored(3) + head)
  }

  @Test("a stage that reuses another's layers loads the rest alone, and computes the same")
  func reuse() throws {
    let oracle = try Oracle("tiny-mlp-gqa")
    let text = oracle.checkpoint.configuration.text
    func load(_ layers: Range<Int>, reusing held: LlamaStage? = nil) throws -> (
      LlamaStage, Set<String>
    ) {
      let source = NotingSource(original: oracle.checkpoint)
      let stage = try LlamaStage(
        loading: WeightScope(of: source, prefix: "language_model"), configuration: text,
        layerRange: layers, reusing: held)
      return (stage, source.parts)
    }
    let (whole, all) = try load(0..<4)
    #expect(
      all == ["embed_tokens", "layers.0", "layers.1", "layers.2", "layers.3", "norm", "lm_head"])
    let (front, _) = try load(0..<2)
    let (grown, rest) = try load(0..<4, reusing: front)
    #expect(rest == ["layers.2", "layers.3", "norm", "lm_head"])
    let (shrunk, none) = try load(0..<2, reusing: LlamaStage(partOf: whole, layers: 0..<2))
    #expect(none.isEmpty && !shrunk.isLast)
    let (back, ahead) = try load(1..<4, reusing: LlamaStage(partOf: whole, layers: 2..<4))
    #expect(ahead == ["layers.1"] && back.isLast && !back.isFirst)
    #expect(LlamaStage(partOf: front, layers: 2..<4) == nil)
    let prompts: [[Int32]] = [[1, 401, 814, 739], [1, 9, 300, 301]]
    #expect(try forward(grown, prompts) == forward(whole, prompts))
    #expect(try forward(shrunk, prompts) == forward(front, prompts))
  }

  private func forward(_ stage: LlamaStage, _ prompts: [[Int32]]) throws -> Matrix {
    let cache = try stage.makeCache(blocks: 8, blockTokens: 4)
    var (hidden, scratch, runs) = (Matrix(), LlamaScratch(), [TokenRun]())
    for (index, prompt) in prompts.enumerated() {
      let row = prompts[..<index].reduce(0) { $0 + $1.count }
      runs.append(
        TokenRun(
          firstRow: row, count: prompt.count, firstPosition: 0,
          blocks: [UInt32(index * 2 + 1), UInt32(index * 2)]))
    }
    stage.embed(prompts.flatMap { $0 }, into: &hidden)
    stage.forward(&hidden, runs: runs, cache: cache, scratch: &scratch)
    return hidden
  }
}

/// Notes which parts of a decoder are asked for.
private final class NotingSource: WeightSource {
  private let original: any WeightSource
  private let names = Mutex<Set<String>>([])

  init(original: any WeightSource) { self.original = original }

  /// Layers, and what is outside of them.
  var parts: Set<String> {
    Set(
      names.withLock(\.self).map { name in
        let path = name.split(separator: ".").dropFirst()
        return path.first == "layers"
          ? path.prefix(2).joined(separator: ".") : String(path.first ?? "")
      })
  }

  func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    names.withLock { _ = $0.insert(name) }
    return try original.tensor(name, shape: shape)
  }

  func shape(of name: String) -> [Int]? { original.shape(of: name) }
}
