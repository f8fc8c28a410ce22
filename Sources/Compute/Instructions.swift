/// Which SIMD instructions the kernels use, chosen once at start.

internal import CKernels

/// The instructions that kernels are written for. A kernel without a variant of its own for some of
/// them runs on those before.
public enum Instructions: String, Sendable, CaseIterable {
  case portable
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX2 and AVX-VNNI.
  case avxVNNI
  /// AVX-512 F, BW, DQ, VL and VNNI.
  case avx512

  /// The best that this CPU runs.
  public static let best: Instructions = available.last ?? .portable

  /// Those that this CPU runs, for tests that compare them.
  static var available: [Instructions] { allCases.filter { ck_has_instructions($0.kernel) != 0 } }

  var kernel: ck_instructions {
    switch self {
    case .portable: CK_PORTABLE
    case .avx2: CK_AVX2
    case .avxVNNI: CK_AVX_VNNI
    case .avx512: CK_AVX512
    }
  }
}
