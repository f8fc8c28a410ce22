/// A checkpoint's tensors for looking at, without the work of loading them.

public import Compute

/// The tensors of a checkpoint: those that are mapped, and in place of those that would have to be
/// converted zeros of their shape and format.
public struct WeightOutline: WeightSource {
  private let checkpoint: Checkpoint

  public init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    let location = try checkpoint.checked(name, shape: shape)
    guard location.encoding != nil else { return try location.load(as: nil, on: .single) }
    do throws(ComputeError) {
      return try StoredTensor(zerosOf: shape, format: location.format)
    } catch {
      throw CheckpointError(.outOfMemory, "\(name): \(error.message)", remedy: error.remedy)
    }
  }

  public func shape(of name: String) -> [Int]? { checkpoint.shape(of: name) }
}
