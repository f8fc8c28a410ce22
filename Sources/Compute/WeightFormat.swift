/// How stored weights are encoded.

internal import CKernels

/// The encoding of stored numbers.
public enum WeightFormat: String, Sendable, CaseIterable {
  case f32
  case f16
  case bf16
  /// GGML's Q8_0: blocks of 32 signed bytes that share an f16 scale.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q8_0
  /// GGML's Q4_0: blocks of 32 signed nibbles that share an f16 scale.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_0
  /// GGML's Q4_K and Q5_K: blocks of 256 numbers of 4 and 5 bits, each 32 of which have a scale and a
  /// minimum of 6 bits; and Q6_K, 6 bits, each 16 with a scale of 8. Read from GGUF files; nothing is
  /// brought to them.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q4_K
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q5_K
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case q6_K

  /// Whether numbers come in blocks that share a scale.
  public var isQuantized: Bool { blockFormat != nil }

  /// Numbers that are encoded together: a row of weights holds a multiple of these.
  public var blockElements: Int { blockFormat.map { ck_block_elements($0) } ?? 1 }

  /// Bytes of `blockElements` numbers.
  public var blockBytes: Int {
    if let blockFormat { return ck_block_bytes(blockFormat) }
    return self == .f32 ? 4 : 2
  }

  /// Bytes a number, of the formats that are not quantised.
  public var byteCount: Int {
    precondition(!isQuantized, "\(self) has no whole bytes a number")
    return blockBytes
  }

  /// Bytes a number on average, scales included.
  public var bytesPerNumber: Double { Double(blockBytes) / Double(blockElements) }

  /// The formats that weights can be brought to.
  public static let targets: [WeightFormat] = allCases.filter { $0.blockElements <= Int(CK_BLOCK) }

  /// The target of that name, if there is one.
  public init?(target name: String) {
    guard let format = Self.targets.first(where: { $0.rawValue == name }) else { return nil }
    self = format
  }

  /// The targets' names, for people.
  public static var targetNames: String { targets.map(\.rawValue).joined(separator: ", ") }

  /// The formats that encode numbers one by one.
  public static let plain: [WeightFormat] = allCases.filter { !$0.isQuantized }

  /// The formats that weights can be quantised to.
  public static let quantized: [WeightFormat] = targets.filter(\.isQuantized)

  /// What the kernels of plain formats call it.
  var kernel: ck_format {
    switch self {
    case .f32: CK_F32
    case .f16: CK_F16
    case .bf16: CK_BF16
    case .q8_0, .q4_0, .q4_K, .q5_K, .q6_K:
      preconditionFailure("\(self) has kernels of its own")
    }
  }

  /// What the kernels of quantised formats call it; nil of the others.
  var blockFormat: ck_block_format? {
    switch self {
    case .f32, .f16, .bf16: nil
    case .q8_0: CK_Q8_0
    case .q4_0: CK_Q4_0
    case .q4_K: CK_Q4_K
    case .q5_K: CK_Q5_K
    case .q6_K: CK_Q6_K
    }
  }
}
