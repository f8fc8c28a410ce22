/// Where a model's weights come from.

public import Compute

/// Gives tensors by canonical name. A checkpoint's directory is one; weights made up in memory are
/// another.
public protocol WeightSource: Sendable {
  /// The tensor of that name and shape. Throws `.missingTensor`, `.wrongShape`, or why it cannot be
  /// had.
  func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor

  /// The shape of a tensor; nil if there is none of that name.
  func shape(of name: String) -> [Int]?
}
