/// Weights brought to another format when they are loaded.

public import Compute

/// Gives the matrices of another source in one format, or as they are stored. Vectors stay as they
/// are.
///
/// With a quantised format only the linear layers of the decoder and of the vision encoder are
/// quantised: they are nearly all of the weights. The embedding stays as it is stored, and the head,
/// whose errors show most, takes a format with more bits: Q8_0 beside Q4_0, as stored beside Q8_0.
/// The vision encoder's layers are never held in fewer than 8 bits: what it loses, no decoder finds.
public struct ConvertedWeights: WeightSource {
  private let original: any WeightSource
  private let format: WeightFormat?
  private let team: ThreadTeam

  /// `team` does the converting; without a format, that of weights which the kernels cannot read as
  /// they are stored.
  public init(_ original: any WeightSource, to format: WeightFormat?, on team: ThreadTeam) {
    self.original = original
    self.format = format
    self.team = team
  }

  public func tensor(
    _ name: String, shape: [Int]
  ) throws(CheckpointError) -> StoredTensor {
    try original.tensor(name, shape: shape, as: target(of: name, shape: shape), on: team)
  }

  public func shape(of name: String) -> [Int]? { original.shape(of: name) }

  public func format(of name: String) -> WeightFormat? {
    original.shape(of: name).flatMap { target(of: name, shape: $0) } ?? original.format(of: name)
  }

  /// What a tensor is brought to; nil leaves it as it is.
  func target(of name: String, shape: [Int]) -> WeightFormat? {
    format.flatMap { $0.held(name, shape: shape, storedAs: original.format(of: name)) }
  }
}
