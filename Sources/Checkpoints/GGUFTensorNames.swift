/// From the names of tensors in GGUF files to the canonical ones.
///
/// Names as `gguf/constants.py` of llama.cpp has them for the architecture llama, and as its
/// `convert_image_encoder_to_gguf.py` writes vision encoders.

enum GGUFTensorNames {
  /// A decoder's tensor; nil for those that are none of its weights.
  static func decoder(_ name: String) -> String? {
    guard let (stem, kind) = split(name) else { return nil }
    if let part = ends[stem] { return "language_model.\(part).\(kind)" }
    guard let (layer, rest) = block(stem, prefix: "blk."), let part = decoderParts[rest] else {
      return nil
    }
    return "language_model.layers.\(layer).\(part).\(kind)"
  }

  /// A tensor of a vision encoder or projector; nil for those that are none of their weights.
  ///
  /// `namesSwapped`: the first layer of the MLP is called `ffn_down`, as that converter does it.
  static func encoder(_ name: String, namesSwapped: Bool) -> String? {
    if name == "v.class_embd" { return "vision_tower.embeddings.class_embedding" }
    guard let (stem, kind) = split(name) else { return nil }
    if let part = encoderEnds[stem] { return "\(part).\(kind)" }
    guard let (layer, rest) = block(stem, prefix: "v.blk.") else { return nil }
    let part =
      switch rest {
      case "ffn_down": namesSwapped ? "mlp.fc1" : "mlp.fc2"
      case "ffn_up": namesSwapped ? "mlp.fc2" : "mlp.fc1"
      default: encoderParts[rest]
      }
    return part.map { "vision_tower.encoder.layers.\(layer).\($0).\(kind)" }
  }

  private static let ends = [
    "token_embd": "embed_tokens", "output_norm": "norm", "output": "lm_head",
  ]

  private static let decoderParts = [
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
  ]

  private static let encoderEnds = [
    "v.patch_embd": "vision_tower.embeddings.patch_embedding",
    "v.position_embd": "vision_tower.embeddings.position_embedding",
    "v.pre_ln": "vision_tower.pre_layrnorm", "v.post_ln": "vision_tower.post_layernorm",
    "mm.0": "multi_modal_projector.linear_1", "mm.2": "multi_modal_projector.linear_2",
  ]

  private static let encoderParts = [
    "ln1": "layer_norm1", "ln2": "layer_norm2", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_out": "self_attn.out_proj",
  ]

  /// `blk.0.attn_q` and `weight` of `blk.0.attn_q.weight`.
  private static func split(_ name: String) -> (stem: String, kind: String)? {
    for kind in ["weight", "bias"] where name.hasSuffix(".\(kind)") {
      return (String(name.dropLast(kind.count + 1)), kind)
    }
    return nil
  }

  /// `0` and `attn_q` of `blk.0.attn_q`.
  private static func block(_ stem: String, prefix: String) -> (layer: Int, rest: String)? {
    guard stem.hasPrefix(prefix) else { return nil }
    let parts = stem.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let layer = Int(parts[0]), layer >= 0, "\(layer)" == parts[0] else {
      return nil
    }
    return (layer, String(parts[1]))
  }
}
