/// `chatspot model`: what is in a checkpoint.

import ArgumentParser
import Checkpoints
import Coordinator
import Foundation
import Models

struct Model: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Looks into checkpoints.", subcommands: [Inspect.self])

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Checks a checkpoint and prints what it holds.")

    @Argument(help: "The checkpoint's directory. Default: the embedded model.")
    var directory: String?

    @Flag(help: "List every tensor.")
    var tensors = false

    func run() async throws {
      let url = try directory.map { URL(filePath: $0) } ?? EmbeddedModel.directory()
      let checkpoint = try verifyCheckpoint(url)
      print(ModelReport(checkpoint).text(listsTensors: tensors))
    }
  }
}

/// Opens a checkpoint and everything that its processes will need of it, so that what is wrong is
/// said once and clearly before any of them starts.
@discardableResult
func verifyCheckpoint(_ directory: URL) throws -> Checkpoint {
  let checkpoint = try Checkpoint(directory: directory)
  try checkpoint.verifyTensors()
  _ = try ServedModel(directory: directory)
  return checkpoint
}
