/// The decoder's dimensions, from `text_config` of a Hugging Face `config.json`.

import Foundation

/// How rotary frequencies are stretched to longer contexts than the model was trained on.
public enum RopeScaling: Sendable, Equatable {
  case none
  /// All frequencies divided by `factor`.
  case linear(factor: Double)
  /// Llama 3's: low frequencies divided, high ones kept, a ramp between.
  case llama3(factor: Double, lowFactor: Double, highFactor: Double, originalContext: Int)
  /// Each frequency divided by a number of its own, as GGUF files give Llama 3's scaling.
  case divided(by: [Float])
}

/// Dimensions of a Llama decoder. Fields that a file omits take transformers' `LlamaConfig`
/// defaults.
public struct TextConfiguration: Sendable, Equatable {
  public let hidden: Int
  public let intermediate: Int
  public let layers: Int
  public let heads: Int
  public let kvHeads: Int
  public let headWidth: Int
  public let vocabulary: Int
  /// Positions that the model was made for.
  public let contextMax: Int
  public let normEpsilon: Float
  public let ropeTheta: Double
  public let ropeScaling: RopeScaling
  public let attentionBias: Bool
  public let mlpBias: Bool
  /// Whether the head is the embedding matrix.
  public let tiedHead: Bool

  init(_ config: ConfigurationObject, tiedByDefault: Bool) throws(CheckpointError) {
    let type = try config.string("model_type", default: "llama")
    guard type == "llama" else {
      throw CheckpointError(
        .unsupported, "\(config.file): the decoder is of type \"\(type)\"",
        remedy: "Decoders of type llama (Llama, Vicuna) are served")
    }
    let activation = try config.string("hidden_act", default: "silu")
    guard activation == "silu" else {
      throw config.wrong("hidden_act", "\"silu\"")
    }
    hidden = try config.integer("hidden_size", default: 4096, in: Self.widths)
    intermediate = try config.integer("intermediate_size", default: 11008, in: Self.widths)
    layers = try config.integer("num_hidden_layers", default: 32, in: 1...4096)
    heads = try config.integer("num_attention_heads", default: 32, in: Self.headCounts)
    kvHeads = try config.integer("num_key_value_heads", default: heads, in: Self.headCounts)
    headWidth = try config.integer(
      "head_dim", default: max(1, hidden / heads), in: Self.headCounts)
    vocabulary = try config.integer("vocab_size", default: 32000)
    contextMax = try config.integer("max_position_embeddings", default: 2048)
    normEpsilon = Float(try config.number("rms_norm_eps", default: 1e-6))
    attentionBias = try config.bool("attention_bias", default: false)
    mlpBias = try config.bool("mlp_bias", default: false)
    tiedHead = try config.bool("tie_word_embeddings", default: tiedByDefault)
    guard heads % kvHeads == 0 else {
      throw config.wrong("num_key_value_heads", "a divisor of num_attention_heads, \(heads)")
    }
    guard headWidth % 2 == 0 else { throw config.wrong("head_dim", "even") }
    (ropeTheta, ropeScaling) = try Self.rope(config, headWidth: headWidth)
  }

  /// So wide that no model is refused, and so narrow that sizes in bytes fit an `Int`.
  private static let widths = 1...1 << 24
  private static let headCounts = 1...1 << 16

  /// Version 5 of transformers writes `rope_parameters`; before, `rope_theta` and `rope_scaling`.
  private static func rope(
    _ config: ConfigurationObject, headWidth: Int
  ) throws(CheckpointError) -> (theta: Double, scaling: RopeScaling) {
    let fallback = try config.number("rope_theta", default: 10000)
    let newer = try config.object("rope_parameters")
    let older = try config.object("rope_scaling")
    guard fallback > 0 else { throw config.wrong("rope_theta", "positive") }
    guard let rope = newer ?? older else { return (fallback, .none) }
    let theta = try rope.number("rope_theta", default: fallback)
    guard theta > 0 else { throw rope.wrong("rope_theta", "positive") }
    let typeName = rope.has("rope_type") ? "rope_type" : "type"
    switch try rope.string(typeName, default: "default") {
    case "default": return (theta, .none)
    case "linear": return (theta, .linear(factor: try positive(rope, "factor")))
    case "llama3":
      let scaling = RopeScaling.llama3(
        factor: try positive(rope, "factor"), lowFactor: try positive(rope, "low_freq_factor"),
        highFactor: try positive(rope, "high_freq_factor"),
        originalContext: try rope.integer("original_max_position_embeddings"))
      return (theta, scaling)
    case "divided":
      let divisors = try rope.numbers("divisors").map { Float($0) }
      guard divisors.count == headWidth / 2, divisors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw rope.wrong("divisors", "\(headWidth / 2) positive numbers")
      }
      return (theta, .divided(by: divisors))
    default:
      throw rope.wrong(typeName, "default, linear, llama3 or divided")
    }
  }

  private static func positive(
    _ object: ConfigurationObject, _ name: String
  ) throws(CheckpointError) -> Double {
    let value = try object.number(name)
    guard value > 0 else { throw object.wrong(name, "positive") }
    return value
  }
}
