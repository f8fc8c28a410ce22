/// A part of a model's tensors, named as the model's parts are.

public import Compute

/// The tensors under a prefix. Scopes nest, so that each layer names its own keys once:
/// `weights.scope("layers.3").tensor("mlp.up_proj.weight", shape: …)`.
public struct WeightScope: Sendable {
  private let source: any WeightSource
  private let prefix: String

  /// The tensors of `source` under `prefix`, such as "vision_tower"; empty is all.
  public init(of source: any WeightSource, prefix: String = "") {
    self.source = source
    self.prefix = prefix
  }

  /// A part of this part.
  public func scope(_ name: String) -> WeightScope {
    WeightScope(of: source, prefix: path(name))
  }

  /// A tensor of a shape. Throws `.missingTensor` or `.wrongShape`.
  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    try source.tensor(path(name), shape: shape)
  }

  /// Reads a vector of `count` numbers as f32.
  public func vector(_ name: String, count: Int) throws(CheckpointError) -> [Float] {
    try tensor(name, shape: [count]).widened()
  }

  /// The shape of a tensor; nil if there is none of that name.
  public func shape(of name: String) -> [Int]? { source.shape(of: path(name)) }

  private func path(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix).\(name)" }
}
