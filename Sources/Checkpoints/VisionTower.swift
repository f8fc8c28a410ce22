/// A CLIP vision encoder in a directory of its own, as LLaVA's checkpoints name one.

import Foundation

struct VisionTower {
  let directory: URL
  /// What Hugging Face's `vision_config` would say of it.
  let fields: [String: JSONValue]
  /// What its `preprocessor_config.json` says; nil where there is none.
  let preprocessor: ConfigurationObject?
  let tensors: CheckpointTensors

  /// Reads what CLIP's own checkpoints have: `CLIPModel` or its vision model alone. Throws
  /// `.unreadable`, `.malformed`, or `.unsupported` for another encoder.
  init(in directory: URL) throws(CheckpointError) {
    self.directory = directory
    let files = CheckpointFiles(directory: directory)
    let config = try files.object("config.json")
    switch try config.string("model_type") {
    case "clip": fields = try config.object("vision_config")?.fields ?? [:]
    case "clip_vision_model": fields = config.fields
    case let type:
      throw CheckpointError(
        .unsupported, "\(config.file): the vision encoder is of type \"\(type)\"",
        remedy: "Encoders of type clip and clip_vision_model are served")
    }
    let preprocessorFile = "preprocessor_config.json"
    preprocessor =
      files.has(preprocessorFile) ? try files.object(preprocessorFile) : nil
    tensors = try WeightFiles(in: directory).tensors(named: Self.canonical)
  }

  /// CLIP's text encoder and projections are passed over.
  private static func canonical(_ name: String) -> String? {
    let prefix = "vision_model."
    let name = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    let parts = ["embeddings.", "encoder.", "pre_layrnorm.", "post_layernorm."]
    return parts.contains { name.hasPrefix($0) } ? "vision_tower.\(name)" : nil
  }
}

extension VisionTower {
  /// What `vision_config` would say of the encoder among `tensors`, told from their shapes.
  /// `given` is what a configuration says of it, which goes before.
  ///
  /// Throws `.missingTensor`, or `.configuration` where the shapes leave something open.
  static func fields(
    of tensors: CheckpointTensors, given: [String: JSONValue], file: String
  ) throws(CheckpointError) -> [String: JSONValue] {
    func shape(_ name: String, rank: Int) throws(CheckpointError) -> [Int] {
      guard let shape = tensors.located["vision_tower.\(name)"]?.shape, shape.count == rank else {
        throw CheckpointError(
          .missingTensor, "\(file): the vision encoder has no tensor \(name) of \(rank) extents",
          remedy: "The checkpoint is incomplete, or its vision encoder is not CLIP's")
      }
      return shape
    }
    let patches = try shape("embeddings.patch_embedding.weight", rank: 4)
    let positions = try shape("embeddings.position_embedding.weight", rank: 2)[0]
    let side = Int(Double(max(0, positions - 1)).squareRoot())
    guard side * side == positions - 1 else {
      throw CheckpointError(
        .configuration,
        "\(file): \(positions) positions of the vision encoder are no square and a class token")
    }
    let prefix = "vision_tower.encoder.layers."
    let layers = Set(
      tensors.located.keys.filter { $0.hasPrefix(prefix) }
        .compactMap { Int($0.dropFirst(prefix.count).prefix { $0 != "." }) })
    let hidden = patches[0]
    var fields: [String: JSONValue] = [
      "model_type": .string("clip_vision_model"), "hidden_size": .number(Double(hidden)),
      "intermediate_size": .number(
        Double(try shape("encoder.layers.0.mlp.fc1.weight", rank: 2)[0])),
      "num_hidden_layers": .number(Double(layers.count)),
      "image_size": .number(Double(side * patches[3])), "patch_size": .number(Double(patches[3])),
    ]
    fields.merge(given) { $1 }
    guard fields["num_attention_heads"] == nil else { return fields }
    // As in every encoder that was published under CLIP's name up to ViT-L.
    let headWidth = 64
    guard hidden % headWidth == 0 else {
      throw CheckpointError(
        .configuration,
        "\(file) does not say how many heads the vision encoder has, which is \(hidden) wide",
        remedy: "Add \"vision_config\": {\"num_attention_heads\": …} to it")
    }
    fields["num_attention_heads"] = .number(Double(hidden / headWidth))
    return fields
  }
}
