/// How a checkpoint's projector brings patches to token positions; told from names and ranks alone.

/// Linear layers keep one token position a feature row; a 3×3 convolution with a stride, as Merlin
/// has it (arXiv 2312.00589), leaves fewer.
public struct ProjectorLayout: Sendable, Equatable {
  /// The stride of the convolution; nil where the projector is linear.
  public let stride: Int?
  /// Token positions that an image takes.
  public let rows: Int

  init(stride: Int?, rows: Int) {
    self.stride = stride
    self.rows = rows
  }

  /// `weights` is the projector's scope. Throws `.configuration` where the convolution cannot give
  /// the number of tokens that `image_seq_length` asks for.
  public init(
    of weights: WeightScope, configuration: ModelConfiguration
  ) throws(CheckpointError) {
    guard weights.shape(of: "linear_1.weight")?.count == 4 else {
      stride = nil
      rows = configuration.featureRows
      guard configuration.imageTokenCount ?? rows == rows else {
        throw CheckpointError(
          .configuration,
          "image_seq_length is \(configuration.imageTokenCount ?? rows); the vision encoder gives "
            + "\(rows) features and the projector keeps each")
      }
      return
    }
    let grid = configuration.vision.gridSide
    let rows = configuration.imageTokenCount ?? configuration.featureRows
    let side = Int(Double(rows).squareRoot().rounded())
    let stride = max(1, (grid + side - 1) / max(1, side))
    // A 3×3 convolution with padding 1 gives (grid - 1) / stride + 1 positions an edge.
    guard !configuration.keepsClassToken, side * side == rows, (grid - 1) / stride + 1 == side
    else {
      throw CheckpointError(
        .configuration,
        "a convolution over \(grid)×\(grid) patches cannot give image_seq_length \(rows)",
        remedy: "A 3×3 convolution with stride s gives ((grid - 1) / s + 1)² tokens, "
          + "without the class token")
    }
    self.stride = stride
    self.rows = rows
  }
}
