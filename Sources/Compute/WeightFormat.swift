/// How stored weights are encoded.

internal import CKernels

/// The encoding of one stored number.
public enum WeightFormat: String, Sendable, CaseIterable {
  case f32
  case f16
  case bf16

  /// Bytes a number.
  public var byteCount: Int { self == .f32 ? 4 : 2 }

  var kernel: ck_format {
    switch self {
    case .f32: CK_F32
    case .f16: CK_F16
    case .bf16: CK_BF16
    }
  }
}
