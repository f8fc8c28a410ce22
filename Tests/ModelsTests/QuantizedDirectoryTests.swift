/// Answers of a directory that was quantised once, against quantising at the start.

import Compute
import Foundation
import Testing

@testable import Checkpoints
@testable import Models

@Suite("quantised directories")
struct QuantizedDirectoryTests {
  @Test("the logits are those of --weights at the start", arguments: WeightFormat.quantized)
  func logits(format: WeightFormat) throws {
    let oracle = try Oracle("tiny-mlp-gqa")
    let directory = FileManager.default.temporaryDirectory.appending(path: "chatspot-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    let team = try ThreadTeam(threads: 2)
    try CheckpointQuantizer(oracle.checkpoint, to: format, on: team)
      .write(to: directory) { _, _ in }
    let tokens = try #require(oracle.texts["text_only"]?["input_ids"]).tokens
    let written = try logits(of: Checkpoint(directory: directory), tokens)
    let converted = try logits(
      of: ConvertedWeights(oracle.checkpoint, to: format, on: team), tokens)
    #expect(written == converted && written.allSatisfy(\.isFinite))
  }

  private func logits(of source: any WeightSource, _ tokens: [Int32]) throws -> [Float] {
    let text = try Oracle("tiny-mlp-gqa").checkpoint.configuration.text
    let stage = try LlamaStage(
      loading: WeightScope(of: source, prefix: "language_model"), configuration: text,
      layerRange: 0..<text.layers)
    #expect(stage.weightFormat?.isQuantized == true)
    var (hidden, logits, scratch) = (Matrix(), Matrix(), LlamaScratch())
    stage.embed(tokens, into: &hidden)
    let run = TokenRun(firstRow: 0, count: tokens.count, firstPosition: 0, blocks: [0, 1, 2, 3])
    let cache = try stage.makeCache(blocks: 4, blockTokens: 16)
    stage.forward(&hidden, runs: [run], cache: cache, scratch: &scratch)
    stage.logits(of: hidden, rows: Array(0..<tokens.count), scratch: &scratch, into: &logits)
    return logits.values
  }
}
