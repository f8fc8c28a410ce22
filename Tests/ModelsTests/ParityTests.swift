/// The model against Hugging Face transformers, layer by layer.

import Compute
import Foundation
import Testing

@testable import Checkpoints
@testable import Models

@Suite("parity with transformers")
struct ParityTests {
  @Test(
    "every hidden state and the selected features of the vision encoder", arguments: Oracle.names)
  func vision(name: String) throws {
    let oracle = try Oracle(name)
    let encoder = try CLIPVisionEncoder(
      loading: oracle.checkpoint.weights("vision_tower"),
      configuration: oracle.checkpoint.configuration)
    let pixels = try oracle.tensor("pixel_values").widened()
    for (layer, state) in encoder.hiddenStates(pixels).enumerated() {
      let expected = try oracle.matrix("vision.hidden_states.\(layer)")
      #expect(relativeDifference(state, expected) <= 1e-4, "layer \(layer)")
    }
    let selected = try oracle.matrix("vision.selected")
    #expect(relativeDifference(encoder.encode(pixels), selected) <= 1e-4)
  }

  @Test("the projector", arguments: Oracle.names)
  func projector(name: String) throws {
    let oracle = try Oracle(name)
    let projector = try Projector(
      loading: oracle.checkpoint.weights("multi_modal_projector"),
      configuration: oracle.checkpoint.configuration)
    let expected = try oracle.matrix("projected")
    #expect(projector.rows == expected.rows)
    let projected = projector(try oracle.matrix("vision.selected"))
    #expect(relativeDifference(projected, expected) <= 1e-4)
  }

  @Test("every hidden state and the logits of the decoder", arguments: Oracle.names)
  func decoder(name: String) throws {
    let oracle = try Oracle(name)
    let layers = oracle.checkpoint.configuration.text.layers
    let run = TokenRun(
      firstRow: 0, count: try oracle.matrix("text.hidden_states.0").rows, firstPosition: 0,
      blocks: [7, 2, 5, 0, 9, 1, 3, 4, 6, 8])
    var hidden = try oracle.matrix("text.hidden_states.0")
    var scratch = LlamaScratch()
    for layer in 0..<layers {
      let stage = try oracle.stage(layer..<layer + 1)
      let cache = try stage.makeCache(blocks: 10, blockTokens: 16, format: .f32)
      stage.forward(&hidden, runs: [run], cache: cache, scratch: &scratch)
      // transformers' last hidden state is taken after the final norm.
      guard layer + 1 < layers else { continue }
      let expected = try oracle.matrix("text.hidden_states.\(layer + 1)")
      #expect(relativeDifference(hidden, expected) <= 1e-4, "layer \(layer)")
    }
    var logits = Matrix()
    try oracle.stage(layers - 1..<layers).logits(
      of: hidden, rows: Array(0..<hidden.rows), scratch: &scratch, into: &logits)
    #expect(largestDifference(logits.values, try oracle.matrix("logits").values) <= 1e-3)
  }

  @Test("text without an image", arguments: Oracle.names)
  func textOnly(name: String) throws {
    let oracle = try Oracle(name)
    let tokens = try #require(oracle.texts["text_only"]?["input_ids"]).tokens
    var generator = try Generator(oracle.checkpoint, stages: [oracle.layers])
    let logits = try generator.prefill(tokens, image: nil)
    #expect(largestDifference(logits.values, try oracle.matrix("text_only.logits").values) <= 1e-3)
  }

  @Test("a text long enough for scaled rotary positions to matter")
  func longText() throws {
    let oracle = try Oracle("tiny-linear-rope")
    let long = try #require(oracle.texts["long_text"])
    let tokens = try #require(long["input_ids"]).tokens
    guard case .number(let first)? = long["first_row"] else {
      Issue.record("no first_row")
      return
    }
    var generator = try Generator(oracle.checkpoint, stages: [oracle.layers])
    let logits = try generator.prefill(tokens, image: nil).rows(Int(first)..<tokens.count)
    let expected = try oracle.matrix("long_text.logits")
    #expect(largestDifference(logits.values, expected.values) <= 1e-3)
  }

  @Test("greedy answers from pixels", arguments: Oracle.names)
  func greedy(name: String) throws {
    let oracle = try Oracle(name)
    let tokens = try #require(oracle.texts["input_ids"]).tokens
    let expected = try #require(oracle.texts["greedy_24_ignoring_eos"]).tokens
    var generator = try Generator(oracle.checkpoint, stages: [1, oracle.layers - 1])
    let pixels = try oracle.tensor("pixel_values").widened()
    let answer = try generator.answer(
      tokens, pixels: pixels, newTokens: expected.count, stopping: false)
    #expect(answer == expected)
  }
}

extension Oracle {
  fileprivate func stage(_ layers: Range<Int>) throws -> LlamaStage {
    try LlamaStage(
      loading: checkpoint.weights("language_model"), configuration: checkpoint.configuration.text,
      layerRange: layers)
  }
}
