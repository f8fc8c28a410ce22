/// A linear layer: stored weights and an optional bias.

public import Checkpoints
internal import Compute

/// `y = x · Wᵀ + b`, weights `[outputs, inputs]`.
public struct Linear: Sendable {
  let weight: StoredTensor
  let bias: [Float]?

  /// Keys: `weight` and, if `biased`, `bias`.
  public init(
    loading weights: WeightScope, inputs: Int, outputs: Int, biased: Bool
  ) throws(CheckpointError) {
    weight = try weights.tensor("weight", shape: [outputs, inputs])
    bias = biased ? try weights.vector("bias", count: outputs) : nil
  }

  /// On our own kernel: a row's result does not depend on the rows beside it. `[rows, inputs]` to
  /// `[rows, outputs]`.
  func callAsFunction(_ input: Matrix, into result: inout Matrix, on team: ThreadTeam) {
    weight.multiply(input, into: &result, on: team)
    if let bias { result.addToRows(bias, on: team) }
  }

  /// The same for rows that several layers take: `rounded` holds them in 8 bits if any of these is
  /// quantised.
  func callAsFunction(
    _ input: Matrix, rounded: QuantizedRows, into result: inout Matrix, on team: ThreadTeam
  ) {
    guard isQuantized else {
      self(input, into: &result, on: team)
      return
    }
    weight.multiply(rounded, into: &result, on: team)
    if let bias { result.addToRows(bias, on: team) }
  }

  /// This layer and another of the same rows as one job, each into its own result.
  func callAsFunction(
    _ input: Matrix, rounded: QuantizedRows, into result: inout Matrix, and second: Linear,
    into secondResult: inout Matrix, on team: ThreadTeam
  ) {
    weight.multiply(
      input, rounded: rounded, into: &result, and: second.weight, into: &secondResult, on: team)
    if let bias { result.addToRows(bias, on: team) }
    if let bias = second.bias { secondResult.addToRows(bias, on: team) }
  }

  /// Whether products take their rows in 8 bits.
  var isQuantized: Bool { weight.format.isQuantized }

  /// For whole images, see `StoredTensor.multiplyForImage`. `rounded` is scratch memory. `[rows,
  /// inputs]` to `[rows, outputs]`.
  func forImage(
    _ input: Matrix, rounded: inout QuantizedRows, into result: inout Matrix, on team: ThreadTeam
  ) {
    if isQuantized { rounded.quantize(input, on: team) }
    forImage(input, rounded: rounded, into: &result, on: team)
  }

  /// The same for rows that several layers take, rounded already if any of these is quantised.
  func forImage(
    _ input: Matrix, rounded: QuantizedRows, into result: inout Matrix, on team: ThreadTeam
  ) {
    guard !isQuantized else {
      self(input, rounded: rounded, into: &result, on: team)
      return
    }
    weight.multiplyForImage(input, into: &result, on: team)
    if let bias { result.addToRows(bias, on: team) }
  }

  var byteCount: Int { weight.byteCount }
}
