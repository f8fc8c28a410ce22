/// Weights brought from one format to another.

internal import CKernels

extension StoredTensor {
  /// The same numbers in `format`, rounded to nearest even, in memory of their own.
  ///
  /// Throws `.outOfMemory`.
  public func converted(
    to format: WeightFormat, on team: ThreadTeam = .single
  ) throws(ComputeError) -> StoredTensor {
    guard format != self.format else { return self }
    if format.isQuantized { return try quantized(to: format, on: team) }
    let memory = try ReadOnlyMemory(count: elementCount * format.byteCount) { target in
      guard let base = target.baseAddress else { return }
      team.share(rows, grain: Matrix.rowGrain(columns), with: (self, format, base)) {
        job, range, _ in
        let (source, format, base) = job
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, source.columns)) { row in
          for index in range {
            source.widen(index..<index + 1, into: row.baseAddress!)
            format.narrow(
              row.baseAddress!, count: source.columns,
              into: base + index * source.columns * format.byteCount)
          }
        }
      }
    }
    return StoredTensor(shape: shape, format: format, memory: memory)
  }
}

extension StoredTensor {
  /// The same tensor in f32 with `value` added to each number.
  public func adding(_ value: Float) -> StoredTensor {
    let sums = Matrix(rows: 1, columns: elementCount, values: widened().map { $0 + value })
    return StoredTensor(
      shape: shape, format: .f32, memory: ReadOnlyMemory(copying: sums.f32Bytes()))
  }
}

extension WeightFormat {
  /// Writes f32 numbers in this format.
  func narrow(
    _ values: UnsafePointer<Float>, count: Int, into target: UnsafeMutableRawPointer
  ) {
    switch self {
    case .f32:
      target.copyMemory(from: values, byteCount: count * 4)
    case .f16:
      ck_narrow_f16(
        Instructions.best.kernel, values, count, target.assumingMemoryBound(to: UInt16.self))
    case .bf16:
      let halves = target.assumingMemoryBound(to: UInt16.self)
      for index in 0..<count { halves[index] = Self.bf16(values[index]) }
    case .q8_0, .q4_0, .q4_K, .q5_K, .q6_K:
      preconditionFailure("blocks are not written number by number")
    }
  }

  private static func bf16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    // A NaN stays one: rounding could carry into the exponent.
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }
}
