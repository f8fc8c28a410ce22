/// The projector: from image features to the decoder's embeddings.
///
/// LLaVA-1.5 has two linear layers with GELU between (arXiv 2310.03744), ChatSpot a single one
/// (arXiv 2307.09474), Merlin a 3×3 convolution with a stride (arXiv 2312.00589).

public import Checkpoints
public import Compute
internal import Foundation

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
    rows = try Self.rows(weights, configuration)
    let (inputs, hidden) = (configuration.featureWidth, configuration.text.hidden)
    let biased = weights.shape(of: "linear_1.bias") != nil
    if weights.shape(of: "linear_1.weight")?.count == 4 {
      let weight = try weights.tensor("linear_1.weight", shape: [hidden, inputs, 3, 3])
      let bias = biased ? try weights.vector("linear_1.bias", count: hidden) : nil
      let grid = configuration.vision.gridSide
      kind = .convolution(
        weight: weight.reshaped([hidden, inputs * 9]), bias: bias, grid: grid,
        stride: Self.stride(grid: grid, rows: rows))
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
  public func callAsFunction(_ features: Matrix) -> Matrix {
    var result = Matrix()
    switch kind {
    case .linear(let linear):
      linear.onBLAS(features, into: &result)
    case .mlp(let first, let activation, let second):
      var inner = Matrix()
      first.onBLAS(features, into: &inner)
      inner.apply(activation)
      second.onBLAS(inner, into: &result)
    case .convolution(let weight, let bias, let grid, let stride):
      weight.multiplyWithBLAS(
        Self.unfold(features, grid: grid, stride: stride), into: &result)
      if let bias { result.addToRows(bias) }
    }
    return result
  }

  /// Token positions that an image of this checkpoint takes; reads no weight.
  public static func rows(
    _ weights: WeightScope, _ configuration: ModelConfiguration
  ) throws(CheckpointError) -> Int {
    guard weights.shape(of: "linear_1.weight")?.count == 4 else { return configuration.featureRows }
    let grid = configuration.vision.gridSide
    let rows = configuration.imageTokenCount ?? configuration.featureRows
    let stride = stride(grid: grid, rows: rows)
    guard !configuration.keepsClassToken, convolved(grid, stride: stride) == side(of: rows) else {
      throw CheckpointError(
        .configuration,
        "a convolution over \(grid)×\(grid) patches cannot give image_seq_length \(rows)",
        remedy: "A 3×3 convolution with stride s gives ((grid - 1) / s + 1)² tokens, "
          + "without the class token")
    }
    return rows
  }

  /// The stride that brings `grid` patches an edge to the root of `rows`.
  private static func stride(grid: Int, rows: Int) -> Int {
    max(1, Int((Double(grid) / Double(max(1, side(of: rows)))).rounded(.up)))
  }

  private static func side(of rows: Int) -> Int { Int(Double(rows).squareRoot().rounded()) }

  /// Edge of the result of a 3×3 convolution with padding 1.
  private static func convolved(_ grid: Int, stride: Int) -> Int { (grid - 1) / stride + 1 }

  /// Every 3×3 neighbourhood as a row, `[rows, featureWidth * 9]`, zeros beyond the edge; within a
  /// row the channel comes first, as in a convolution's weights.
  private static func unfold(_ features: Matrix, grid: Int, stride: Int) -> Matrix {
    precondition(features.rows == grid * grid)
    let (side, width) = (convolved(grid, stride: stride), features.columns)
    var values = [Float](repeating: 0, count: side * side * width * 9)
    for row in 0..<side {
      for column in 0..<side {
        let target = (row * side + column) * width * 9
        for tap in 0..<9 {
          let (y, x) = (row * stride + tap / 3 - 1, column * stride + tap % 3 - 1)
          guard (0..<grid).contains(y), (0..<grid).contains(x) else { continue }
          let source = (y * grid + x) * width
          for channel in 0..<width {
            values[target + channel * 9 + tap] = features.values[source + channel]
          }
        }
      }
    }
    return Matrix(rows: side * side, columns: width * 9, values: values)
  }
}
