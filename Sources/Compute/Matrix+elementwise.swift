/// Normalisations, activations and sums over the rows of a matrix.

internal import CKernels

extension Matrix {
  /// RMS normalisation of every row: `result = self / rms(self) * weight`. Weight `[columns]`.
  public func rmsNormalized(
    _ weight: [Float], epsilon: Float, into result: inout Matrix, on team: ThreadTeam = .single
  ) {
    precondition(weight.count == columns)
    eachRow(into: &result, on: team, with: (weight, epsilon)) { given, input, output, columns in
      ck_rms_norm(input, given.0, columns, given.1, output)
    }
  }

  /// Layer normalisation of every row. Weight and bias `[columns]`.
  public func layerNormalized(
    _ weight: [Float], _ bias: [Float], epsilon: Float, into result: inout Matrix,
    on team: ThreadTeam = .single
  ) {
    precondition(weight.count == columns && bias.count == columns)
    eachRow(into: &result, on: team, with: (weight, bias, epsilon)) {
      given, input, output, columns in
      ck_layer_norm(input, given.0, given.1, columns, given.2, output)
    }
  }

  /// Adds `other` of the same shape.
  public mutating func add(_ other: Matrix, on team: ThreadTeam = .single) {
    precondition(other.rows == rows && other.columns == columns)
    combine(with: other, on: team) { ck_add($1, $2, $3) }
  }

  /// Adds `bias`, `[columns]`, to every row.
  public mutating func addToRows(_ bias: [Float], on team: ThreadTeam = .single) {
    precondition(bias.count == columns)
    let (rows, columns) = (rows, columns)
    withUnsafeValues { target in
      guard let base = target.baseAddress else { return }
      team.share(rows, grain: Self.rowGrain(columns), with: (base, bias, columns)) {
        job, range, _ in
        for row in range { ck_add(job.0 + row * job.2, job.1, job.2) }
      }
    }
  }

  /// SwiGLU: `self = silu(self) * up`.
  public mutating func siluMultiply(
    _ up: Matrix, on team: ThreadTeam = .single, using instructions: Instructions = .best
  ) {
    precondition(up.rows == rows && up.columns == columns)
    combine(with: up, on: team, using: instructions) { ck_silu_multiply($0, $1, $2, $3) }
  }

  /// CLIP's approximation of GELU: `x * sigmoid(1.702 x)`.
  public mutating func quickGELU(
    on team: ThreadTeam = .single, using instructions: Instructions = .best
  ) {
    eachNumber(on: team, using: instructions) { ck_quick_gelu($0, $1, $2) }
  }

  /// GELU with the error function, not its tanh approximation.
  public mutating func gelu(on team: ThreadTeam = .single) {
    eachNumber(on: team) { ck_gelu($1, $2) }
  }
}

extension Matrix {
  /// Numbers that are worth handing to another thread.
  private static let shareNumbers = 4096

  static func rowGrain(_ columns: Int) -> Int { max(1, shareNumbers / max(1, columns)) }

  private func eachRow<Given>(
    into result: inout Matrix, on team: ThreadTeam, with given: Given,
    _ kernel: @escaping (Given, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    result.reshape(rows: rows, columns: columns)
    result.withUnsafeValues { output in
      values.withUnsafeBufferPointer { input in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        team.share(
          rows, grain: Self.rowGrain(columns), with: (given, input, output, columns, kernel)
        ) { job, range, _ in
          let (given, input, output, columns, kernel) = job
          for row in range { kernel(given, input + row * columns, output + row * columns, columns) }
        }
      }
    }
  }

  private mutating func combine(
    with other: Matrix, on team: ThreadTeam, using instructions: Instructions = .best,
    _ kernel:
      @escaping (ck_instructions, UnsafeMutablePointer<Float>, UnsafePointer<Float>, Int) -> Void
  ) {
    withUnsafeValues { target in
      other.values.withUnsafeBufferPointer { source in
        guard let base = target.baseAddress, let source = source.baseAddress else { return }
        team.share(
          target.count, grain: Self.shareNumbers, with: (base, source, kernel, instructions.kernel)
        ) { job, range, _ in
          let (target, source, kernel, instructions) = job
          let first = range.lowerBound
          kernel(instructions, target + first, source + first, range.count)
        }
      }
    }
  }

  private mutating func eachNumber(
    on team: ThreadTeam, using instructions: Instructions = .best,
    _ kernel: @escaping (ck_instructions, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    withUnsafeValues { target in
      guard let base = target.baseAddress else { return }
      team.share(
        target.count, grain: Self.shareNumbers, with: (base, kernel, instructions.kernel)
      ) { job, range, _ in
        job.1(job.2, job.0 + range.lowerBound, range.count)
      }
    }
  }
}
