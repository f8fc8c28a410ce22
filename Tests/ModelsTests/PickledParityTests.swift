/// Pickled models in the layouts of Merlin's and LLaVA's own programs against the same models in
/// llava-hf's layout and safetensors.

import Compute
import Foundation
import Testing

@testable import Checkpoints
@testable import Models

@Suite("pickled models")
struct PickledParityTests {
  @Test(
    "features, logits and the answer are the safetensors directory's bit for bit",
    arguments: [("merlin", "tiny-conv"), ("llava", "tiny-linear-rope")])
  func parity(name: String, original: String) throws {
    let oracle = try Oracle(original)
    let checkpoint = try Checkpoint(directory: Oracle.fixtures.appending(path: "pickled/\(name)"))
    try checkpoint.verifyTensors()
    let pixels = try oracle.tensor("pixel_values").widened()
    var directory = try Generator(oracle.checkpoint, stages: [oracle.layers])
    var pickled = try Generator(checkpoint, stages: [1, oracle.layers - 1])
    let features = pickled.encoder.encode(pixels)
    #expect(features.values == directory.encoder.encode(pixels).values)
    let image = pickled.projector(features)
    #expect(image.values == directory.projector(features).values)
    // The two have other ids where features take an image token's place.
    let given = try #require(oracle.texts["input_ids"]).tokens
    let tokens = given.map {
      $0 == oracle.checkpoint.configuration.imageToken ? checkpoint.configuration.imageToken : $0
    }
    let logits = try pickled.prefill(tokens, image: image)
    #expect(try logits.values == directory.prefill(given, image: image).values)
    let answer = try pickled.answer(tokens, pixels: pixels, newTokens: 24, stopping: false)
    #expect(answer == oracle.texts["greedy_24_ignoring_eos"]?.tokens)
  }
}
