/// The weights of a stage.

internal import Checkpoints
internal import Compute
internal import Models
internal import Wire

/// Layers, and beside the first one the projector.
struct StageWeights: Sendable {
  let stage: LlamaStage
  let projector: Projector?

  /// Loads what an assignment names, but for what `held` has of it; `team` converts what is to be held
  /// otherwise than it is stored.
  init(
    _ assignment: Assignment, of checkpoint: Checkpoint, reusing held: StageWeights?,
    on team: ThreadTeam
  ) throws(WorkerError) {
    let text = checkpoint.configuration.text
    let layers = assignment.layers
    guard layers.upperBound <= text.layers else {
      throw WorkerError(.loading, "layers \(layers) are assigned; the model has \(text.layers)")
    }
    let weights = try Self.decoder(of: checkpoint, heldAs: assignment.weights, on: team)
    do throws(CheckpointError) {
      stage = try LlamaStage(
        loading: weights, configuration: text, layerRange: layers, reusing: held?.stage)
      if stage.isFirst, let projector = held?.projector {
        self.projector = projector
      } else {
        projector =
          stage.isFirst
          ? try Projector(
            loading: checkpoint.weights("multi_modal_projector"),
            configuration: checkpoint.configuration) : nil
      }
    } catch {
      throw WorkerError(.loading, error.message, remedy: error.remedy)
    }
  }

  /// What another stage can use of a stage's weights; nil if that is nothing.
  init?(partOf whole: LoadedStage, for other: Assignment) {
    guard whole.assignment.hasWeights(of: other),
      let stage = LlamaStage(partOf: whole.stage, layers: other.layers)
    else { return nil }
    self.stage = stage
    projector = other.firstLayer == 0 ? whole.projector : nil
  }

  /// The decoder's weights in the format that the plan says; empty is as they are stored.
  private static func decoder(
    of checkpoint: Checkpoint, heldAs name: String, on team: ThreadTeam
  ) throws(WorkerError) -> WeightScope {
    let format = WeightFormat(target: name)
    guard name.isEmpty || format != nil else {
      throw WorkerError(
        .loading, "the plan holds weights as \(name), which this worker does not know",
        remedy: "Run the same version everywhere; this one knows \(WeightFormat.targetNames)")
    }
    return WeightScope(
      of: ConvertedWeights(checkpoint, to: format, on: team), prefix: "language_model")
  }
}

extension Assignment {
  /// Whether another one's layers, as far as they are the same, are held as this one's are.
  func hasWeights(of other: Assignment) -> Bool {
    modelDigest == other.modelDigest && weights == other.weights
  }
}
