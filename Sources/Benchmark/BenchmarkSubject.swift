/// The model that is measured.

public import Checkpoints
public import Compute
internal import Foundation
internal import Models

/// A model from a checkpoint or of given dimensions, its parts made when they are needed.
public struct BenchmarkSubject: Sendable {
  let name: String
  let visionName: String
  let configuration: ModelConfiguration
  private let source: any WeightSource
  /// The format that weights are brought to; nil if they are held as the checkpoint stores them.
  private let heldFormat: WeightFormat?
  /// What they then take beyond what is mapped.
  private let ownBytes: (decoder: Int, encoder: Int)

  /// A checkpoint; its matrices as they are stored, or brought to `format`.
  public init(_ checkpoint: Checkpoint, format: WeightFormat?, team: ThreadTeam) {
    name = checkpoint.name
    visionName = name
    configuration = checkpoint.configuration
    heldFormat = format
    ownBytes = (
      checkpoint.ownByteCount(prefix: "language_model."),
      checkpoint.ownByteCount(prefix: "vision_tower.")
    )
    source = ConvertedWeights(checkpoint, to: format, on: team)
  }

  /// Random weights: a decoder of these dimensions, CLIP ViT-L/14 at 336 pixels.
  public init(_ dimensions: ModelDimensions, format: WeightFormat, team: ThreadTeam) {
    name = dimensions.rawValue
    visionName = "vit-l/14-336"
    configuration = ModelConfiguration(text: dimensions.text, vision: .large14(imageSide: 336))
    heldFormat = format
    ownBytes = (0, 0)
    let plain: WeightFormat = format.isQuantized ? .f16 : format
    let random = RandomWeightSource(format: plain, team: team)
    source = format.isQuantized ? ConvertedWeights(random, to: format, on: team) : random
  }

  func decoder() throws(CheckpointError) -> LlamaStage {
    try LlamaStage(
      loading: scope("language_model"), configuration: configuration.text,
      layerRange: 0..<configuration.text.layers)
  }

  func encoder() throws(CheckpointError) -> CLIPVisionEncoder {
    try CLIPVisionEncoder(loading: scope("vision_tower"), configuration: configuration)
  }

  private func scope(_ part: String) -> WeightScope { WeightScope(of: source, prefix: part) }

  /// Refuses what would not fit `available` bytes. Throws `.tooLarge`.
  func checkMemory(_ settings: BenchmarkSettings, available: Int) throws(BenchmarkError) {
    let decoder = settings.decodes ? decoderBytes(settings) : 0
    let encoder = settings.vision ? encoderBytes : 0
    // One after the other: the decoder is gone when the encoder is made.
    let needed = max(decoder, encoder)
    guard needed <= Double(available) else {
      func gibibytes(_ bytes: Double) -> Double { (bytes / 1_073_741_824 * 10).rounded() / 10 }
      let format = heldFormat.map { " in \($0.rawValue)" } ?? ""
      throw BenchmarkError(
        .tooLarge,
        "\(name)\(format) needs \(gibibytes(needed)) GiB of memory; "
          + "\(gibibytes(Double(available))) GiB are free",
        remedy: "Use narrower --weights, smaller dimensions or a smaller batch")
    }
  }

  /// Weights, KV cache and scratch, in bytes.
  private func decoderBytes(_ settings: BenchmarkSettings) -> Double {
    let text = configuration.text
    let numbers = DecoderWork(text).matrixNumbers + Double(text.vocabulary * text.hidden)
    let weights = heldFormat.map { numbers * $0.bytesPerNumber } ?? Double(ownBytes.decoder)
    let positions = settings.cacheShapes.map { shape in
      shape.sequences * DecoderBenchmark.blocks(shape.positions) * DecoderBenchmark.blockTokens
    }
    let cache = Double(positions.max() ?? 0) * Double(text.layers * text.kvHeads * text.headWidth)
    let width = 6 * text.hidden + 2 * text.intermediate
    let batch = settings.generate > 0 ? settings.batches.max() ?? 1 : 1
    let scratch = settings.rowsMax * width + batch * text.vocabulary
    return weights + cache * Double(2 * WeightFormat.f16.byteCount) + Double(scratch) * 4
  }

  private var encoderBytes: Double {
    let vision = configuration.vision
    let numbers = VisionWork(vision, layers: vision.layers).matrixNumbers
    let weights = heldFormat.map { numbers * $0.bytesPerNumber } ?? Double(ownBytes.encoder)
    let scratch = (vision.patches + 1) * (8 * vision.hidden + vision.intermediate)
    return weights + Double(scratch) * 4
  }
}
