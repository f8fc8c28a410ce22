/// From an image file and a prompt to logits and answers, as transformers computes them: pixels,
/// tokens, vision encoder, projector and decoder together.

import Checkpoints
import Compute
import Foundation
import Imaging
import Models
import Referring
import Testing
import Tokenizing

@testable import Worker

@Suite("goldens of the embedded model")
struct GoldenAnswerTests {
  private struct Goldens: Decodable {
    struct Item: Decodable {
      let image: String
      let prompt: String
      let inputIds: [Int32]
      let answerIds: [Int32]
      let answer: String
      let firstLogits: [Float]
    }
    let items: [Item]
  }

  static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  static let model = tests.deletingLastPathComponent()
    .appending(path: "Sources/chatspot/Resources/mini-chatspot")

  @Test(
    "28 prompts: token ids, first logits, every answer token, the text",
    arguments: [[4], [1, 3], [1, 1, 1, 1]], [WeightFormat.f32, .f16])
  func goldens(stages: [Int], cache: WeightFormat) throws {
    let directory = Self.tests.appending(path: "Fixtures/goldens")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let items = try decoder.decode(
      Goldens.self, from: Data(contentsOf: directory.appending(path: "goldens.json"))
    ).items
    #expect(items.count == 28)
    let model = try WholeModel(Checkpoint(directory: Self.model), stages: stages)
    for item in items {
      let tokens = model.tokens(item.prompt)
      #expect(tokens == item.inputIds, "\(item.prompt)")
      let file = try Data(contentsOf: directory.appending(path: item.image))
      let (first, answer) = try model.answer(tokens, file: Array(file), cache: cache)
      let difference = zip(first, item.firstLogits).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      let bound: Float = cache == .f32 ? 1e-3 : 3e-2
      #expect(first.count == item.firstLogits.count && difference <= bound, "\(item.prompt)")
      #expect(answer == item.answerIds, "\(item.prompt)")
      #expect(model.tokenizer.decode(answer) == item.answer)
    }
  }
}

extension GoldenAnswerTests {
  @Test("image features of a vision encoder in 8 bits point where those in f32 do")
  func eightBitVision() throws {
    let directory = Self.tests.appending(path: "Fixtures/goldens")
    let checkpoint = try Checkpoint(directory: Self.model)
    let model = try WholeModel(checkpoint, stages: [4])
    let narrow = try CLIPVisionEncoder(
      loading: WeightScope(
        of: ConvertedWeights(checkpoint, to: .q8_0, on: .single), prefix: "vision_tower"),
      configuration: checkpoint.configuration)
    #expect(narrow.weightFormat == .q8_0)
    let images = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      .filter { $0.hasSuffix(".png") || $0.hasSuffix(".jpg") }.sorted()
    #expect(images.count >= 4)
    for name in images {
      let file = try Data(contentsOf: directory.appending(path: name))
      let pixels = try model.pixels(Array(file))
      let (wide, features) = (model.encoder.encode(pixels), narrow.encode(pixels))
      #expect(cosine(wide.values[...], features.values[...]) >= 0.9995, "\(name)")
      for row in 0..<wide.rows {
        #expect(cosine(wide[row: row], features[row: row]) >= 0.9995, "\(name), patch \(row)")
      }
    }
  }

  private func cosine(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
    func product(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
  }
}

/// All parts of the model in one process.
private struct WholeModel {
  let tokenizer: Tokenizer
  private let configuration: ModelConfiguration
  private let preprocessor: PreprocessorConfiguration
  let encoder: CLIPVisionEncoder
  private let projector: Projector
  private let stages: [LlamaStage]

  init(_ checkpoint: Checkpoint, stages counts: [Int]) throws {
    configuration = checkpoint.configuration
    tokenizer = try Tokenizer(directory: checkpoint.location)
    preprocessor = try PreprocessorConfiguration(directory: checkpoint.location)
    encoder = try CLIPVisionEncoder(
      loading: checkpoint.weights("vision_tower"), configuration: configuration)
    projector = try Projector(
      loading: checkpoint.weights("multi_modal_projector"), configuration: configuration)
    var first = 0
    stages = try counts.map { count in
      defer { first += count }
      return try LlamaStage(
        loading: checkpoint.weights("language_model"), configuration: checkpoint.configuration.text,
        layerRange: first..<first + count)
    }
  }

  func tokens(_ prompt: String) -> [Int32] {
    tokenizer.encodeAsHuggingFace(prompt, addBeginning: true).flatMap { token in
      [Int32](repeating: token, count: token == configuration.imageToken ? projector.rows : 1)
    }
  }

  /// An image file as the encoder takes it.
  func pixels(_ file: [UInt8]) throws -> [Float] {
    let image = try PixelImage(decoding: file)
    let geometry = try ImageGeometry(
      fit: .centerCrop, original: ImageSize(width: image.width, height: image.height),
      side: configuration.vision.imageSide)
    return try geometry.placement(padFill: preprocessor.padFill).pixelValues(
      of: image, resampling: preprocessor.resampling, normalization: preprocessor.normalization)
  }

  /// Logits of the first answer token, and the greedy answer.
  func answer(
    _ prompt: [Int32], file: [UInt8], cache format: WeightFormat
  ) throws -> ([Float], [Int32]) {
    let features = projector(encoder.encode(try pixels(file)))
    let caches = try stages.map { try $0.makeCache(blocks: 16, blockTokens: 16, format: format) }
    var (hidden, logits, scratch) = (Matrix(), Matrix(), LlamaScratch())
    var (next, position, answer, first) = (prompt, 0, [Int32](), [Float]())
    while answer.count < 64 {
      stages[0].embed(next, into: &hidden)
      for (row, index) in next.indices.filter({
        next[$0] == configuration.imageToken && position == 0
      })
      .enumerated() { hidden.copyRow(row, of: features, to: index) }
      let run = TokenRun(
        firstRow: 0, count: next.count, firstPosition: position, blocks: (0..<16).map { $0 })
      for (stage, cache) in zip(stages, caches) {
        stage.forward(&hidden, runs: [run], cache: cache, scratch: &scratch)
      }
      stages[stages.count - 1].logits(
        of: hidden, rows: [hidden.rows - 1], scratch: &scratch, into: &logits)
      if first.isEmpty { first = logits.values }
      position += next.count
      let token = SamplingParameters().sample(logits[row: 0], position: position).token
      answer.append(token)
      if configuration.endsOfSequence.contains(token) { break }
      next = [token]
    }
    return (first, answer)
  }
}
