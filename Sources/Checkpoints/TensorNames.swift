/// One name for each tensor, whichever generation of tools wrote the checkpoint.

/// Canonical tensor names: `vision_tower.…`, `multi_modal_projector.…`, `language_model.…`.
///
/// | written by | decoder | head | vision | projector |
/// | --- | --- | --- | --- | --- |
/// | transformers 5 | `language_model.model.…` | `language_model.lm_head` | `vision_tower.…` | `multi_modal_projector.…` |
/// | transformers ≥ 4.52 in memory | `model.language_model.…` | `lm_head` | `model.vision_tower.…` | `model.multi_modal_projector.…` |
/// | older llava-hf | `language_model.model.…` | `language_model.lm_head` | `vision_tower.vision_model.…` | `multi_modal_projector.…` |
/// | LLaVA | `model.layers.…` | `lm_head` | `model.vision_tower.vision_tower.vision_model.…` | `model.mm_projector.…` |
/// | Merlin | `model.layers.…` | `lm_head` | as LLaVA | `model.projector.projector.…` |
enum TensorNames {
  static func canonical(_ name: String) -> String {
    var name = name[...]
    strip("model.", from: &name)
    if let rest = name.dropping("language_model.model.") { return "language_model.\(rest)" }
    if let rest = name.dropping("vision_tower.") {
      var rest = rest
      strip("vision_tower.", from: &rest)
      strip("vision_model.", from: &rest)
      return "vision_tower.\(rest)"
    }
    for prefix in ["mm_projector.", "projector.projector."] {
      if let rest = name.dropping(prefix) { return "multi_modal_projector.\(projector(rest))" }
    }
    if let rest = name.dropping("multi_modal_projector.") {
      return "multi_modal_projector.\(projector(rest))"
    }
    for prefix in ["layers.", "embed_tokens.", "norm.", "lm_head."] where name.hasPrefix(prefix) {
      return "language_model.\(name)"
    }
    return String(name)
  }

  /// `0.weight` and a bare `weight` are the first linear layer, `2.weight` the second; a
  /// convolution has the bare names too and is told apart by its rank.
  private static func projector(_ name: Substring) -> String {
    if let rest = name.dropping("0.") { return "linear_1.\(rest)" }
    if let rest = name.dropping("2.") { return "linear_2.\(rest)" }
    if name == "weight" || name == "bias" { return "linear_1.\(name)" }
    return String(name)
  }

  private static func strip(_ prefix: String, from name: inout Substring) {
    if let rest = name.dropping(prefix) { name = rest }
  }
}

extension Substring {
  fileprivate func dropping(_ prefix: String) -> Substring? {
    hasPrefix(prefix) ? dropFirst(prefix.count) : nil
  }
}
