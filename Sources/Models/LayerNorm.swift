/// Layer normalisation with weight and bias.

internal import Checkpoints
internal import Compute

/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, row by row.
struct LayerNorm: Sendable {
  let weight: [Float]  // [width]
  let bias: [Float]  // [width]
  let epsilon: Float

  init(loading weights: WeightScope, width: Int, epsilon: Float) throws(CheckpointError) {
    weight = try weights.vector("weight", count: width)
    bias = try weights.vector("bias", count: width)
    self.epsilon = epsilon
  }

  func callAsFunction(_ input: Matrix, into result: inout Matrix, on team: ThreadTeam) {
    input.layerNormalized(weight, bias, epsilon: epsilon, into: &result, on: team)
  }
}
