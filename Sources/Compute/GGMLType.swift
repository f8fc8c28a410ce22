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

  /// The format in which its numbers are held where nobody asks for another: its own if the kernels
  /// know it, Q8_0 for the formats of 5 and 6 bits with scales of two levels, which loses next to
  /// nothing of them.
  public var format: WeightFormat {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q4_0: .q4_0
    case .q4_K: .q4_K
    case .q8_0, .q5_K, .q6_K: .q8_0
    }
  }

  /// Numbers that are encoded together.
  public var blockElements: Int { block.map { ck_ggml_block_elements($0) } ?? 1 }

  /// Bytes of `blockElements` numbers.
  public var blockBytes: Int { block.map { ck_ggml_block_bytes($0) } ?? format.byteCount }

  /// Whether the kernels' format has the same numbers: they need not be rounded again.
  var isExact: Bool {
    switch self {
    case .q5_K, .q6_K: false
    default: true
    }
  }

  /// What the kernels call it; nil of the formats that are not quantised.
  var block: ck_ggml_block? {
    switch self {
    case .f32, .f16, .bf16: nil
    default: ck_ggml_block(rawValue: rawValue)
    }
  }
}
