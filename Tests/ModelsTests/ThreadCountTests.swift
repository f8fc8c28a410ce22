/// The number of threads never changes a bit.

import Checkpoints
import Compute
import Foundation
import Testing

@testable import Models

@Suite("any number of threads computes the same bits")
struct ThreadCountTests {
  @Test("features, projected features and hidden states of the fixtures", arguments: Oracle.names)
  func fixtures(name: String) throws {
    let oracle = try Oracle(name)
    let encoder = try CLIPVisionEncoder(
      loading: oracle.checkpoint.weights("vision_tower"),
      configuration: oracle.checkpoint.configuration)
    let projector = try Projector(
      loading: oracle.checkpoint.weights("multi_modal_projector"),
      configuration: oracle.checkpoint.configuration)
    let pixels = try oracle.tensor("pixel_values").widened()
    let tokens = try #require(oracle.texts["input_ids"]).tokens
    let alone = encoder.encode(pixels)
    let projected = projector(alone)
    let logits = try self.logits(oracle, tokens, .single)
    for threads in [2, 3, 5] {
      let team = try ThreadTeam(threads: threads)
      let features = encoder.encode(pixels, on: team)
      #expect(features == alone, "\(threads)")
      #expect(projector(features, on: team) == projected, "\(threads)")
      #expect(try self.logits(oracle, tokens, team) == logits, "\(threads)")
    }
  }

  /// Logits of a prompt in two chunks and of a token after it, beside a second sequence.
  private func logits(_ oracle: Oracle, _ tokens: [Int32], _ team: ThreadTeam) throws -> [Matrix] {
    let stage = try LlamaStage(
      loading: oracle.checkpoint.weights("language_model"),
      configuration: oracle.checkpoint.configuration.text, layerRange: 0..<oracle.layers)
    let cache = try stage.makeCache(blocks: 32, blockTokens: 8)
    let blocks = ((0..<16).map { UInt32($0 * 2) }, (0..<16).map { UInt32($0 * 2 + 1) })
    var (hidden, scratch, logits, results) = (Matrix(), LlamaScratch(), Matrix(), [Matrix]())
    var position = 0
    for count in [tokens.count / 2, tokens.count - tokens.count / 2, 1] {
      let next = position < tokens.count ? Array(tokens[position..<position + count]) : [7]
      stage.embed(next + next.prefix(3), into: &hidden)
      let others = min(3, next.count)
      let runs = [
        TokenRun(firstRow: 0, count: count, firstPosition: position, blocks: blocks.0),
        TokenRun(firstRow: count, count: others, firstPosition: position, blocks: blocks.1),
      ]
      stage.forward(&hidden, runs: runs, cache: cache, scratch: &scratch, on: team)
      stage.logits(
        of: hidden, rows: Array(0..<hidden.rows), scratch: &scratch, into: &logits, on: team)
      results.append(logits)
      position += count
    }
    return results
  }
}
