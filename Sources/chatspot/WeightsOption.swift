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

extension WeightFormat: ExpressibleByArgument {}
