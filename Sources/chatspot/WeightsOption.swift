/// How decoder workers hold their weights.

public import ArgumentParser
public import Compute

struct WeightsOption: ParsableArguments {
  @Option(
    help: """
      How decoder layers are held. q8_0 and q4_0 are quantised when they are loaded; the \
      embedding stays as stored, the head takes q8_0 beside q4_0. Default: what chatspot.json says, else as stored, mapped.
      """)
  var weights: WeightFormat?

  /// The same as arguments, for a child process.
  var arguments: [String] { weights.map { ["--weights", $0.rawValue] } ?? [] }
}

/// How the vision node of a whole cluster holds its weights.
struct VisionWeightsOption: ParsableArguments {
  @Option(
    help: """
      How the vision encoder is held: f32, f16, bf16 or q8_0, which is twice as fast as f16. \
      Default: as stored, mapped.
      """)
  var visionWeights: WeightFormat?

  func validate() throws {
    guard visionWeights != .q4_0 else {
      throw ValidationError(
        "A vision encoder in q4_0 loses too much; q8_0 is its narrowest format.")
    }
  }

  /// The same as arguments, for a vision node.
  var arguments: [String] { visionWeights.map { ["--weights", $0.rawValue] } ?? [] }
}

extension WeightFormat: ExpressibleByArgument {
  public init?(argument: String) { self.init(target: argument) }

  public static var allValueStrings: [String] { targets.map(\.rawValue) }
}

extension WeightFormat {
  /// Throws `ValidationError` for what no vision encoder is held in.
  func validateForVision() throws {
    guard self != .q4_0 else {
      throw ValidationError(
        "A vision encoder in q4_0 loses too much; q8_0 is its narrowest format.")
    }
  }
}
