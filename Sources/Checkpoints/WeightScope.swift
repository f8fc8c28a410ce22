/// A part of a checkpoint's tensors, named as the model's parts are.

public import Compute
internal import Foundation

/// The tensors under a prefix. Scopes nest, so that each layer names its own keys once:
/// `weights.scope("layers.3").tensor("mlp.up_proj.weight", shape: …)`.
public struct WeightScope: Sendable {
  let checkpoint: Checkpoint
  let prefix: String

  /// A part of this part.
  public func scope(_ name: String) -> WeightScope {
    WeightScope(checkpoint: checkpoint, prefix: path(name))
  }

  /// Maps a tensor and checks its shape. Throws `.missingTensor` or `.wrongShape`.
  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    let tensor = try checkpoint.map(path(name))
    guard tensor.shape == shape else {
      throw CheckpointError(
        .wrongShape,
        "\(checkpoint.directory.path): \(path(name)) has the shape \(tensor.shape); "
          + "config.json asks for \(shape)")
    }
    return tensor
  }

  /// Reads a vector of `count` numbers as f32.
  public func vector(_ name: String, count: Int) throws(CheckpointError) -> [Float] {
    try tensor(name, shape: [count]).widened()
  }

  /// The stored shape of a tensor; nil if there is none of that name.
  public func shape(of name: String) -> [Int]? { checkpoint.describe(path(name))?.shape }

  private func path(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix).\(name)" }
}
