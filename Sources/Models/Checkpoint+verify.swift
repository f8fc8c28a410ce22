/// Checks a checkpoint's tensors against its configuration.

public import Checkpoints

extension Checkpoint {
  /// Looks at every tensor that the model uses and checks its shape; no weight matrix is read.
  /// Where there is no vision encoder, the decoder's alone.
  ///
  /// Throws `.missingTensor` or `.wrongShape`, naming the tensor.
  public func verifyTensors() throws(CheckpointError) {
    let outline = WeightScope(of: WeightOutline(self))
    if hasEncoder {
      _ = try CLIPVisionEncoder(
        loading: outline.scope("vision_tower"), configuration: configuration)
      _ = try Projector(
        loading: outline.scope("multi_modal_projector"), configuration: configuration)
    }
    _ = try LlamaStage(
      loading: outline.scope("language_model"), configuration: configuration.text,
      layerRange: 0..<configuration.text.layers)
  }
}
