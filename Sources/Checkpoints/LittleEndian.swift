/// Whole numbers as files store them.

extension [UInt8] {
  /// The little-endian number whose first byte stands at `position`; all of its bytes must be there.
  func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self, at position: Int
  ) -> Value {
    var value: Value = 0
    for index in 0..<Value.bitWidth / 8 {
      value |= Value(self[position + index]) << Value(8 * index)
    }
    return value
  }
}
