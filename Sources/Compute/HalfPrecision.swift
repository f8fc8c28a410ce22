/// f32 numbers to and from little-endian bytes, as they travel between processes.

internal import CKernels

extension Matrix {
  /// The numbers as little-endian f16, rounded to nearest even.
  public func f16Bytes(using instructions: Instructions = .best) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: values.count * 2) { buffer, count in
      buffer.withMemoryRebound(to: UInt16.self) { halves in
        guard let halves = halves.baseAddress else { return }
        ck_narrow_f16(instructions.kernel, values, values.count, halves)
      }
      count = values.count * 2
    }
  }

  /// The numbers as little-endian f32.
  public func f32Bytes() -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// A matrix from little-endian numbers. `bytes` holds exactly `rows * columns` of them.
  public init(
    rows: Int, columns: Int, format: WeightFormat, bytes: [UInt8],
    using instructions: Instructions = .best
  ) {
    self.init()
    take(rows: rows, columns: columns, format: format, bytes: bytes, using: instructions)
  }

  /// Becomes a matrix of little-endian numbers, in the storage that it has. `bytes` holds exactly
  /// `rows * columns` of them.
  public mutating func take(
    rows: Int, columns: Int, format: WeightFormat, bytes: [UInt8],
    using instructions: Instructions = .best
  ) {
    precondition(bytes.count == rows * columns * format.byteCount)
    reshape(rows: rows, columns: columns)
    withUnsafeValues { values in
      bytes.withUnsafeBytes { source in
        guard let target = values.baseAddress, let source = source.baseAddress else { return }
        ck_widen(instructions.kernel, format.kernel, source, values.count, target)
      }
    }
  }
}
