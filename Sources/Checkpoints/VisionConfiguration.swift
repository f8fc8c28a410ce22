/// The vision encoder's dimensions, from `vision_config` of a Hugging Face `config.json`.

/// The activation between the two linear layers of an MLP.
public enum Activation: String, Sendable, Equatable {
  /// `x * sigmoid(1.702 x)`, as the original CLIP has it.
  case quickGELU = "quick_gelu"
  /// With the error function.
  case gelu
  /// None.
  case identity = "linear"
}

/// Dimensions of a CLIP vision transformer.
///
/// As in transformers, a file without any `vision_config` means ViT-L/14 at 336 pixels
/// (`LlavaConfig`), and single fields that are omitted take the defaults of `CLIPVisionConfig`,
/// ViT-B/32 at 224.
public struct VisionConfiguration: Sendable, Equatable {
  public let hidden: Int
  public let intermediate: Int
  public let layers: Int
  public let heads: Int
  /// Edge of the model's square, in pixels.
  public let imageSide: Int
  /// Edge of a patch, in pixels.
  public let patchSide: Int
  public let activation: Activation
  public let normEpsilon: Float

  /// Patches along an edge.
  public var gridSide: Int { imageSide / patchSide }
  /// Patches of an image.
  public var patches: Int { gridSide * gridSide }
  /// Numbers of a patch: three channels.
  public var patchElements: Int { 3 * patchSide * patchSide }

  init(_ given: ConfigurationObject?, file: String) throws(CheckpointError) {
    let config =
      given ?? ConfigurationObject(file: file, path: "vision_config.", fields: Self.large336)
    let type = try config.string("model_type", default: "clip_vision_model")
    guard type == "clip_vision_model" else {
      throw CheckpointError(
        .unsupported, "\(config.file): the vision encoder is of type \"\(type)\"",
        remedy: "Encoders of type clip_vision_model are served")
    }
    hidden = try config.integer("hidden_size", default: 768, in: Self.widths)
    intermediate = try config.integer("intermediate_size", default: 3072, in: Self.widths)
    layers = try config.integer("num_hidden_layers", default: 12, in: 1...1024)
    heads = try config.integer("num_attention_heads", default: 12)
    imageSide = try config.integer("image_size", default: 224, in: 1...8192)
    patchSide = try config.integer("patch_size", default: 32, in: 1...1024)
    normEpsilon = Float(try config.number("layer_norm_eps", default: 1e-5))
    guard try config.integer("num_channels", default: 3) == 3 else {
      throw config.wrong("num_channels", "3")
    }
    guard hidden % heads == 0 else {
      throw config.wrong("num_attention_heads", "a divisor of hidden_size, \(hidden)")
    }
    guard imageSide >= patchSide else { throw config.wrong("image_size", "at least patch_size") }
    let name = try config.string("hidden_act", default: "quick_gelu")
    guard let activation = Activation(rawValue: name), activation != .identity else {
      throw config.wrong("hidden_act", "\"quick_gelu\" or \"gelu\"")
    }
    self.activation = activation
  }

  private static let widths = 1...1 << 24

  private static let large336: [String: JSONValue] = [
    "hidden_size": .number(1024), "intermediate_size": .number(4096),
    "num_hidden_layers": .number(24), "num_attention_heads": .number(16),
    "image_size": .number(336), "patch_size": .number(14),
  ]
}
