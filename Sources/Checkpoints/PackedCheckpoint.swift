/// A checkpoint whose quantised weights lie in its file as the kernels read them.

import Compute

/// How such a directory is told from others: a safetensors file whose metadata name the packing,
/// and for the vocabulary of a GGUF file a GGUF file without tensors.
///
/// Quantised tensors are of the types `Q8_0`, `Q4_0`, `Q4_K`, `Q5_K` and `Q6_K`; their bytes are
/// those of `ck_packed_bytes`, from a multiple of 64 on, so that they are used where they are mapped.
enum PackedCheckpoint {
  static let packingKey = "chatspot_packing"
  /// 16 rows a panel, in which pairs of blocks follow their scales, interleaved by fours.
  static let packing = "panels-16x4-pairs"
  static let vocabularyFile = "tokenizer.gguf"
  static let alignment = 64

  private static let types: [String: WeightFormat] = [
    "F32": .f32, "F16": .f16, "BF16": .bf16, "Q8_0": .q8_0, "Q4_0": .q4_0,
    "Q4_K": .q4_K, "Q5_K": .q5_K, "Q6_K": .q6_K,
  ]

  /// The format of a type that a safetensors file names; nil of those that are not read.
  static func format(_ type: String) -> WeightFormat? { types[type] }

  /// What a safetensors file calls a format.
  static func type(_ format: WeightFormat) -> String { format.rawValue.uppercased() }

  /// The files that a copy takes over as they are, where there are any. `chatspot.json` is written
  /// anew.
  static let copiedFiles = [
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja",
  ]
}
