/// Models in GGUF files against the same models in safetensors.
///
/// `Tests/Oracle/make_gguf.py` made the files with the gguf package.

import Compute
import Foundation
import Testing

@testable import Checkpoints
@testable import Models

@Suite("GGUF models")
struct GGUFParityTests {
  private func open(_ name: String) throws -> Checkpoint {
    try Checkpoint(at: Oracle.fixtures.appending(path: "gguf/\(name).gguf"))
  }

  @Test("a pair of files gives the bits and the answer of the directory that it was made from")
  func pair() throws {
    let oracle = try Oracle("tiny-linear-rope")
    let checkpoint = try open("pair/tiny-linear-rope")
    #expect(checkpoint.hasEncoder)
    let pixels = try oracle.tensor("pixel_values").widened()
    var tokens = try #require(oracle.texts["input_ids"]).tokens
    var directory = try Generator(oracle.checkpoint, stages: [2])
    var gguf = try Generator(checkpoint, stages: [1, 1])
    let features = gguf.encoder.encode(pixels)
    #expect(features.values == directory.encoder.encode(pixels).values)
    let image = gguf.projector(features)
    let expected = try directory.prefill(tokens, image: image)
    // The two have other ids where features take an image token's place.
    tokens = tokens.map {
      $0 == oracle.checkpoint.configuration.imageToken ? checkpoint.configuration.imageToken : $0
    }
    #expect(try gguf.prefill(tokens, image: image).values == expected.values)
    let answer = try gguf.answer(tokens, pixels: pixels, newTokens: 24, stopping: false)
    #expect(answer == oracle.texts["greedy_24_ignoring_eos"]?.tokens)
  }

  @Test("the configuration is the directory's")
  func configuration() throws {
    let expected = try Oracle("tiny-linear-rope").checkpoint.configuration
    let configuration = try open("pair/tiny-linear-rope").configuration
    #expect(configuration.text == expected.text)
    #expect(configuration.featureLayers == expected.featureLayers)
    #expect(configuration.projectorActivation == expected.projectorActivation)
    #expect(configuration.vision.normEpsilon == expected.vision.normEpsilon)
    #expect(configuration.vision.activation == expected.vision.activation)
    #expect(configuration.endsOfSequence == expected.endsOfSequence)
    #expect(configuration.beginningOfSequence == expected.beginningOfSequence)
  }

  @Test("Llama 3's rotary scaling, a head width of its own and a tied head")
  func llama3() throws {
    let oracle = try Oracle("tiny-llama3-tied")
    let checkpoint = try open("tiny-llama3-tied")
    let text = checkpoint.configuration.text
    #expect(text.tiedHead && text.headWidth == 24 && text.kvHeads == 2)
    let expected = oracle.checkpoint.configuration.text.rotaryFrequencies
    #expect(largestDifference(text.rotaryFrequencies, expected) <= 1e-7)
    let tokens = try #require(oracle.texts["text_only"]?["input_ids"]).tokens
    let stage = try LlamaStage(
      loading: checkpoint.weights("language_model"), configuration: text,
      layerRange: 0..<text.layers)
    var (hidden, logits, scratch) = (Matrix(), Matrix(), LlamaScratch())
    stage.embed(tokens, into: &hidden)
    let run = TokenRun(
      firstRow: 0, count: tokens.count, firstPosition: 0, blocks: [0, 1, 2, 3])
    let cache = try stage.makeCache(blocks: 4, blockTokens: 16, format: .f32)
    stage.forward(&hidden, runs: [run], cache: cache, scratch: &scratch)
    stage.logits(of: hidden, rows: Array(0..<tokens.count), scratch: &scratch, into: &logits)
    let golden = try oracle.matrix("text_only.logits")
    #expect(largestDifference(logits.values, golden.values) <= 1e-3)
  }

  @Test(
    "quantised files hold what quantising the numbers gives", arguments: WeightFormat.quantized)
  func quantized(format: WeightFormat) throws {
    let directory = try Oracle("tiny-conv").checkpoint
    let checkpoint = try open("tiny-conv-\(format.rawValue)")
    let team = try ThreadTeam(threads: 2)
    let names = checkpoint.tensorNames.filter { ($0.hasSuffix("weight")) && !$0.contains("norm") }
    #expect(names.count == 23)
    for name in names {
      let shape = try #require(directory.shape(of: name))
      let tensor = try checkpoint.tensor(name, shape: shape, as: nil, on: team)
      let original = try directory.tensor(name, shape: shape).quantized(to: format)
      #expect(tensor.format == format && tensor.blocks() == original.blocks(), "\(name)")
    }
  }

  @Test("another format than the file's is rounded from the file's numbers")
  func converted() throws {
    let checkpoint = try open("tiny-conv-q8_0")
    let team = try ThreadTeam(threads: 2)
    let converted = ConvertedWeights(checkpoint, to: .q4_0, on: team)
    let name = "language_model.layers.0.self_attn.q_proj.weight"
    let stored = try checkpoint.tensor(name, shape: [32, 32])
    let tensor = try converted.tensor(name, shape: [32, 32])
    #expect(try tensor.blocks() == stored.quantized(to: .q4_0).blocks())
    let table = try converted.tensor("language_model.embed_tokens.weight", shape: [832, 32])
    #expect(table.format == .q8_0)
    // A head that is quantised already stays as it is.
    let small = ConvertedWeights(try open("tiny-conv-q4_0"), to: .q4_0, on: team)
    let head = try small.tensor("language_model.lm_head.weight", shape: [832, 32])
    #expect(head.format == .q4_0)
  }

  @Test("a decoder alone is usable; asking for its vision encoder says what to do")
  func alone() throws {
    let checkpoint = try open("tiny-conv-q8_0")
    #expect(!checkpoint.hasEncoder)
    try checkpoint.verifyTensors()
    let error = #expect(throws: CheckpointError.self) {
      try CLIPVisionEncoder(
        loading: checkpoint.weights("vision_tower"), configuration: checkpoint.configuration)
    }
    #expect(error?.code == .missingTensor && error?.remedy.contains("--mmproj") == true)
  }
}
