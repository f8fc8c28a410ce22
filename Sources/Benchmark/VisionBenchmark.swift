/// Times the vision encoder.

internal import Checkpoints
internal import Compute
internal import Models

struct VisionBenchmark {
  /// One image from pixel values to features.
  static func encode(
    _ encoder: CLIPVisionEncoder, repetitions: Int, team: ThreadTeam
  ) -> Timing {
    let vision = encoder.configuration.vision
    let pixels = (0..<3 * vision.imageSide * vision.imageSide).map { index in
      Float(index * 7919 % 1000) / 500 - 1
    }
    let seconds = Timing.measured(repetitions) { _ in _ = encoder.encode(pixels, on: team) }
    return Timing(
      seconds: seconds, tokens: encoder.configuration.featureRows,
      operations: VisionWork(vision, layers: encoder.layerCount).operations,
      bytesRead: Double(encoder.weightBytes))
  }
}
