/// How GGML encodes the numbers of a tensor.

internal import CKernels

/// GGML's types that are read, by the numbers that GGUF files have for them.
public enum GGMLType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case bf16 = 30
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_0 = 2
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0 = 8
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_K = 12
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q5_K = 13
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q6_K = 14

  /// The format that has the same numbers: weights are held in it where nobody asks for another.
  public var format: WeightFormat {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q4_0: .q4_0
    case .q8_0: .q8_0
    case .q4_K: .q4_K
    case .q5_K: .q5_K
    case .q6_K: .q6_K
    }
  }

  /// Numbers that are encoded together.
  public var blockElements: Int { block.map { ck_ggml_block_elements($0) } ?? 1 }

  /// Bytes of `blockElements` numbers.
  public var blockBytes: Int { block.map { ck_ggml_block_bytes($0) } ?? format.byteCount }

  /// What the kernels call it; nil of the formats that are not quantised.
  var block: ck_ggml_block? {
    switch self {
    case .f32, .f16, .bf16: nil
    default: ck_ggml_block(rawValue: rawValue)
    }
  }
}
