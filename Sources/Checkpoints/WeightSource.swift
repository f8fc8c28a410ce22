/// Where a model's weights come from.

public import Compute

/// Gives tensors by canonical name. A checkpoint is one; weights made up in memory are another.
public protocol WeightSource: Sendable {
  /// The tensor of that name and shape. Throws `.missingTensor`, `.wrongShape`, or why it cannot be
  /// had.
  func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor

  /// The same brought to `format`; nil takes what comes closest to how it is stored. `team` does
  /// what there is to convert.
  func tensor(
    _ name: String, shape: [Int], as format: WeightFormat?, on team: ThreadTeam
  ) throws(CheckpointError) -> StoredTensor

  /// The shape of a tensor; nil if there is none of that name.
  func shape(of name: String) -> [Int]?

  /// The format in which a tensor is given where none is asked for; nil if that is not known.
  func format(of name: String) -> WeightFormat?
}

extension WeightSource {
  public func format(of name: String) -> WeightFormat? { nil }

  public func tensor(
    _ name: String, shape: [Int], as format: WeightFormat?, on team: ThreadTeam
  ) throws(CheckpointError) -> StoredTensor {
    let tensor = try tensor(name, shape: shape)
    guard let format else { return tensor }
    do throws(ComputeError) {
      return try tensor.converted(to: format, on: team)
    } catch {
      throw CheckpointError(.outOfMemory, "\(name): \(error.message)", remedy: error.remedy)
    }
  }
}
