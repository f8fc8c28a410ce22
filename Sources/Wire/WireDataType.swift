/// How the numbers of a tensor are stored. All are little-endian.
public enum WireDataType: UInt32, Sendable, CaseIterable {
  /// IEEE 754 binary32, 4 bytes a number.
  case f32 = 1
  /// IEEE 754 binary16, 2 bytes a number.
  case f16 = 2
}

extension WireDataType {
  /// The size of one number, in bytes.
  public var byteCount: Int {
    switch self {
    case .f32: 4
    case .f16: 2
    }
  }
}
