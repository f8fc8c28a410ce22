/// Checks a checkpoint's tensors against its configuration.

public import Checkpoints

extension Checkpoint {
  /// Maps every tensor that the model uses and checks its shape; no weight matrix is read.
  ///
  /// Throws `.missingTensor` or `.wrongShape`, naming the tensor.
  public func verifyTensors() throws(CheckpointError) {
    _ = try CLIPVisionEncoder(
      loading: weights("vision_tower"), configuration: configuration)
    _ = try Projector(
      loading: weights("multi_modal_projector"), configuration: configuration)
    _ = try LlamaStage(
      loading: weights("language_model"), configuration: configuration.text,
      layerRange: 0..<configuration.text.layers)
  }
}
