/// The projector: from image features to the decoder's embeddings.
///
/// LLaVA-1.5 has two linear layers with GELU between (arXiv 2310.03744), ChatSpot a single one
/// (arXiv 2307.09474), Merlin a 3×3 convolution with a stride (arXiv 2312.00589).

public import Checkpoints
public import Compute

/// Which of the three it is is told from the tensors' names and ranks.
public struct Projector: Sendable {
  private enum Kind: Sendable {
    case linear(Linear)
    case mlp(Linear, Activation, Linear)
    /// Weights `[hidden, 9 * featureWidth]`, over the grid of patches.
    case convolution(weight: StoredTensor, bias: [Float]?, grid: Int, stride: Int)
  }

  private let kind: Kind
  /// Token positions that an image takes.
  public let rows: Int

  /// `weights` is the projector's scope. Keys: `linear_1`, `linear_2`.
  public init(
    loading weights: WeightScope, configuration: ModelConfiguration
  ) throws(CheckpointError) {
    let layout = try ProjectorLayout(of: weights, configuration: configuration)
    rows = layout.rows
    let (inputs, hidden) = (configuration.featureWidth, configuration.text.hidden)
    let biased = weights.shape(of: "linear_1.bias") != nil
    if let stride = layout.stride {
      let weight = try weights.tensor("linear_1.weight", shape: [hidden, inputs, 3, 3])
      let bias = biased ? try weights.vector("linear_1.bias", count: hidden) : nil
      kind = .convolution(
        weight: weight.reshaped([hidden, inputs * 9]), bias: bias,
        grid: configuration.vision.gridSide, stride: stride)
      return
    }
    let first = try Linear(
      loading: weights.scope("linear_1"), inputs: inputs, outputs: hidden, biased: biased)
    if weights.shape(of: "linear_2.weight") == nil {
      kind = .linear(first)
    } else {
      let second = try Linear(
        loading: weights.scope("linear_2"), inputs: hidden, outputs: hidden,
        biased: weights.shape(of: "linear_2.bias") != nil)
      kind = .mlp(first, configuration.projectorActivation, second)
    }
  }

  /// Embeddings, `[rows, hidden]`, of image features, `[featureRows, featureWidth]`.
  public func callAsFunction(_ features: Matrix, on team: ThreadTeam = .single) -> Matrix {
    self(features, rows: 0..<rows, on: team)
  }

  /// Rows `range` of them, `[range.count, hidden]`.
  public func callAsFunction(
    _ features: Matrix, rows range: Range<Int>, on team: ThreadTeam = .single
  ) -> Matrix {
    var result = Matrix()
    var rounded = QuantizedRows()
    switch kind {
    case .linear(let linear):
      linear.forImage(features.rows(range), rounded: &rounded, into: &result, on: team)
    case .mlp(let first, let activation, let second):
      var inner = Matrix()
      first.forImage(features.rows(range), rounded: &rounded, into: &inner, on: team)
      inner.apply(activation, on: team)
      second.forImage(inner, rounded: &rounded, into: &result, on: team)
    case .convolution(let weight, let bias, let grid, let stride):
      weight.multiplyForImage(
        Self.unfold(features, rows: range, grid: grid, stride: stride), into: &result, on: team)
      if let bias { result.addToRows(bias, on: team) }
    }
    return result
  }

  /// The 3×3 neighbourhoods of some places as rows, `[range.count, featureWidth * 9]`, zeros beyond
  /// the edge; within a row the channel comes first, as in a convolution's weights.
  private static func unfold(
    _ features: Matrix, rows range: Range<Int>, grid: Int, stride: Int
  ) -> Matrix {
    precondition(features.rows == grid * grid)
    let (side, width) = ((grid - 1) / stride + 1, features.columns)
    var values = [Float](repeating: 0, count: range.count * width * 9)
    for place in range {
      let (row, column) = (place / side, place % side)
      let target = (place - range.lowerBound) * width * 9
      for tap in 0..<9 {
        let (y, x) = (row * stride + tap / 3 - 1, column * stride + tap % 3 - 1)
        guard (0..<grid).contains(y), (0..<grid).contains(x) else { continue }
        let source = (y * grid + x) * width
        for channel in 0..<width {
          values[target + channel * 9 + tap] = features.values[source + channel]
        }
      }
    }
    return Matrix(rows: range.count, columns: width * 9, values: values)
  }
}
