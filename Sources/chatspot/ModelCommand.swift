/// `chatspot model`: what is in a checkpoint, and making a quantised one of it.

import ArgumentParser
import Checkpoints
import Coordinator
import Foundation
import Models

struct Model: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Looks into checkpoints and quantises them.",
    subcommands: [Inspect.self, Quantize.self])

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Checks a checkpoint and prints what it holds.")

    @Argument(
      help: "A checkpoint's directory, or a GGUF file. Default: the embedded model.")
    var model: String?

    @Option(help: "The GGUF file with a GGUF model's vision encoder and projector.")
    var mmproj: String?

    @Flag(help: "List every tensor.")
    var tensors = false

    func run() async throws {
      let url = try model.map { URL(filePath: $0) } ?? EmbeddedModel.directory()
      let checkpoint = try Checkpoint(at: url, encoder: mmproj.map { URL(filePath: $0) })
      try checkpoint.verifyTensors()
      if checkpoint.hasEncoder { _ = try ServedModel(checkpoint) }
      print(ModelReport(checkpoint).text(listsTensors: tensors))
    }
  }
}

/// Opens everything that a checkpoint's processes will need of it, so that what is wrong is said
/// once and clearly before any of them starts.
func verifyCheckpoint(_ checkpoint: Checkpoint) throws {
  try checkpoint.verifyTensors()
  _ = try ServedModel(checkpoint)
}
