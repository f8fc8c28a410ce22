/// Which SIMD instructions the kernels use, chosen once at start.

internal import CKernels

/// The instructions that kernels are written for.
public enum Instructions: String, Sendable, CaseIterable {
  case portable
  case avx2

  /// The best that this CPU runs.
  public static let best: Instructions = ck_best_instructions() == CK_AVX2 ? .avx2 : .portable

  /// Those that this CPU runs, for tests that compare them.
  static var available: [Instructions] {
    best == .avx2 ? [.portable, .avx2] : [.portable]
  }

  var kernel: ck_instructions { self == .avx2 ? CK_AVX2 : CK_PORTABLE }
}
