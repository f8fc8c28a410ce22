/// Weights brought to another format when they are loaded.

public import Compute

/// Gives the matrices of another source in one format. Vectors stay as they are.
///
/// With a quantised format only the linear layers of the decoder are quantised: they are nearly all
/// of its weights. The embedding stays as it is stored, and the head, whose errors show most, takes a
/// format with more bits: Q8_0 beside Q4_0, as stored beside Q8_0.
public struct ConvertedWeights: WeightSource {
  private let original: any WeightSource
  private let format: WeightFormat
  private let team: ThreadTeam

  /// `team` does the converting.
  public init(_ original: any WeightSource, to format: WeightFormat, on team: ThreadTeam) {
    self.original = original
    self.format = format
    self.team = team
  }

  public func tensor(
    _ name: String, shape: [Int]
  ) throws(CheckpointError) -> StoredTensor {
    let tensor = try original.tensor(name, shape: shape)
    guard let target = format.held(name, shape: shape) else {
      return tensor
    }
    do throws(ComputeError) {
      return try tensor.converted(to: target, on: team)
    } catch {
      throw CheckpointError(.outOfMemory, "\(name): \(error.message)", remedy: error.remedy)
    }
  }

  public func shape(of name: String) -> [Int]? { original.shape(of: name) }
}
