/// A vision encoder and projector in a GGUF file (llama.cpp's `mmproj`), seen as a Hugging Face
/// checkpoint.

/// What `config.json` and `preprocessor_config.json` would say of it, and its tensors by canonical
/// name.
struct GGUFEncoder: Sendable {
  let file: GGUFFile
  /// The fields that it adds to `config.json`.
  let fields: [String: JSONValue]
  /// The fields of `preprocessor_config.json`.
  let preprocessorFields: [String: JSONValue]
  let tensors: [String: TensorLocation]
  /// Types of the tensors that are not read, by canonical name.
  let unread: [String: String]

  /// Throws `.unsupported` for encoders and projectors other than LLaVA-1.5's, `.configuration`
  /// naming the key.
  init(_ file: GGUFFile) throws(CheckpointError) {
    self.file = file
    let metadata = file.metadata
    try Self.refuseOthers(metadata)
    let hidden = try metadata.integer("clip.vision.embedding_length", in: 1...(1 << 24))
    fields = try Self.fields(metadata, hidden: hidden)
    preprocessorFields = try Self.preprocessor(metadata)
    // llama.cpp tells by the shape which name the first layer has.
    let namesSwapped =
      file.tensors["v.blk.0.ffn_down.weight"].map { $0.shape.last == hidden } ?? false
    var tensors: [String: TensorLocation] = [:]
    for (name, location) in file.tensors {
      tensors[GGUFTensorNames.encoder(name, namesSwapped: namesSwapped) ?? name] = location
    }
    self.tensors = tensors
    unread = [String: String](
      file.unread.map {
        (GGUFTensorNames.encoder($0.key, namesSwapped: namesSwapped) ?? $0.key, $0.value)
      }
    ) { first, _ in first }
  }

  private static func refuseOthers(_ metadata: GGUFMetadata) throws(CheckpointError) {
    func unsupported(_ cause: String) -> CheckpointError {
      CheckpointError(
        .unsupported, "\(metadata.path): \(cause)",
        remedy: "Vision encoders of LLaVA-1.5's kind are served: CLIP with a projector of type mlp")
    }
    let architecture = try metadata.string("general.architecture") ?? ""
    guard architecture == "clip" else {
      throw unsupported("the architecture is \"\(architecture)\", not \"clip\"")
    }
    guard try metadata.bool("clip.has_vision_encoder", default: true) else {
      throw unsupported("it has no vision encoder")
    }
    for key in ["clip.projector_type", "clip.vision.projector_type"] {
      let type = try metadata.string(key) ?? "mlp"
      guard type == "mlp" else { throw unsupported("the projector is of type \"\(type)\"") }
    }
    guard try metadata.bool("clip.use_silu", default: false) == false else {
      throw unsupported("the activation is SiLU")
    }
    guard try metadata.integers("clip.vision.image_grid_pinpoints")?.isEmpty ?? true else {
      throw unsupported("images are cut into tiles, as LLaVA-1.6 does")
    }
  }

  private static func fields(
    _ metadata: GGUFMetadata, hidden: Int
  ) throws(CheckpointError) -> [String: JSONValue] {
    func whole(_ value: Int) -> JSONValue { .number(Double(value)) }
    let layers = try metadata.integer("clip.vision.block_count", in: 1...1024)
    let vision: [String: JSONValue] = [
      "model_type": .string("clip_vision_model"),
      "hidden_size": whole(hidden),
      "intermediate_size": whole(
        try metadata.integer("clip.vision.feed_forward_length", in: 1...(1 << 24))),
      "num_hidden_layers": whole(layers),
      "num_attention_heads": whole(
        try metadata.integer("clip.vision.attention.head_count", in: 1...(1 << 16))),
      "image_size": whole(try metadata.integer("clip.vision.image_size", in: 1...8192)),
      "patch_size": whole(try metadata.integer("clip.vision.patch_size", in: 1...1024)),
      "layer_norm_eps": .number(
        try metadata.number("clip.vision.attention.layer_norm_epsilon", default: 1e-5)),
      "hidden_act": .string(
        try metadata.bool("clip.use_gelu", default: false) ? "gelu" : "quick_gelu"),
    ]
    // Where the file names no layer, the converter has left out those behind the one that features
    // are taken from, and has counted without them: the last that is there is the one. (llama.cpp
    // issue 25817: its graph stops one layer earlier.)
    let features = try metadata.integers("clip.vision.feature_layer") ?? []
    return [
      "vision_config": .object(vision),
      "vision_feature_layer": .array((features.isEmpty ? [layers] : features).map(whole)),
      "vision_feature_select_strategy": .string("default"),
      "projector_hidden_act": .string("gelu"),
    ]
  }

  /// The picture padded to a square, as LLaVA-1.5 was trained; where `chatspot.json` asks for a
  /// centre crop, the shorter edge is brought to the square's.
  private static func preprocessor(
    _ metadata: GGUFMetadata
  ) throws(CheckpointError) -> [String: JSONValue] {
    let side = JSONValue.number(
      Double(try metadata.integer("clip.vision.image_size", in: 1...8192)))
    var fields: [String: JSONValue] = [
      "size": .object(["shortest_edge": side]),
      "crop_size": .object(["height": side, "width": side]),
      "image_aspect_ratio": .string("pad"),
      "resample": .number(3),
    ]
    for name in ["image_mean", "image_std"] {
      let key = "clip.vision.\(name)"
      guard let values = try metadata.numbers(key) else { continue }
      guard values.count == 3 else { throw metadata.wrong(key, "three numbers") }
      fields[name] = .array(values.map { .number($0) })
    }
    return fields
  }
}
