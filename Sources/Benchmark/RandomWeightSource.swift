/// A model made up in memory.

internal import Checkpoints
internal import Compute

/// Any tensor that is asked for: matrices in one format, vectors in f32, those that scale near 1.
struct RandomWeightSource: WeightSource {
  let matrices: RandomWeights
  let team: ThreadTeam
  private let vectors = RandomWeights(format: .f32)

  init(format: WeightFormat, team: ThreadTeam) {
    matrices = RandomWeights(format: format)
    self.team = team
  }

  func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    do throws(ComputeError) {
      guard shape.count == 1 else { return try matrices.tensor(shape: shape, on: team) }
      let scales =
        name.hasSuffix("norm.weight") || name.hasSuffix("norm1.weight")
        || name.hasSuffix("norm2.weight")
      let vector = try vectors.tensor(shape: shape)
      return scales ? vector.adding(1) : vector
    } catch {
      throw CheckpointError(.outOfMemory, "\(name): \(error.message)", remedy: error.remedy)
    }
  }

  func shape(of name: String) -> [Int]? { nil }
}
