/// Normalisations, activations and sums over the rows of a matrix.

internal import CKernels

extension Matrix {
  /// RMS normalisation of every row: `result = self / rms(self) * weight`. Weight `[columns]`.
  public func rmsNormalized(_ weight: [Float], epsilon: Float, into result: inout Matrix) {
    precondition(weight.count == columns)
    result.reshape(rows: rows, columns: columns)
    result.withUnsafeValues { output in
      values.withUnsafeBufferPointer { input in
        for row in 0..<rows {
          ck_rms_norm(
            input.baseAddress! + row * columns, weight, columns, epsilon,
            output.baseAddress! + row * columns)
        }
      }
    }
  }

  /// Layer normalisation of every row. Weight and bias `[columns]`.
  public func layerNormalized(
    _ weight: [Float], _ bias: [Float], epsilon: Float, into result: inout Matrix
  ) {
    precondition(weight.count == columns && bias.count == columns)
    result.reshape(rows: rows, columns: columns)
    result.withUnsafeValues { output in
      values.withUnsafeBufferPointer { input in
        for row in 0..<rows {
          ck_layer_norm(
            input.baseAddress! + row * columns, weight, bias, columns, epsilon,
            output.baseAddress! + row * columns)
        }
      }
    }
  }

  /// Adds `other` of the same shape.
  public mutating func add(_ other: Matrix) {
    precondition(other.rows == rows && other.columns == columns)
    withUnsafeValues { target in
      guard let base = target.baseAddress else { return }
      ck_add(base, other.values, target.count)
    }
  }

  /// Adds `bias`, `[columns]`, to every row.
  public mutating func addToRows(_ bias: [Float]) {
    precondition(bias.count == columns)
    let (rows, columns) = (rows, columns)
    withUnsafeValues { target in
      for row in 0..<rows { ck_add(target.baseAddress! + row * columns, bias, columns) }
    }
  }

  /// SwiGLU: `self = silu(self) * up`.
  public mutating func siluMultiply(_ up: Matrix) {
    precondition(up.rows == rows && up.columns == columns)
    withUnsafeValues { gate in
      guard let base = gate.baseAddress else { return }
      ck_silu_multiply(base, up.values, gate.count)
    }
  }

  /// CLIP's approximation of GELU: `x * sigmoid(1.702 x)`.
  public mutating func quickGELU() {
    withUnsafeValues { if let base = $0.baseAddress { ck_quick_gelu(base, $0.count) } }
  }

  /// GELU with the error function, not its tanh approximation.
  public mutating func gelu() {
    withUnsafeValues { if let base = $0.baseAddress { ck_gelu(base, $0.count) } }
  }
}
