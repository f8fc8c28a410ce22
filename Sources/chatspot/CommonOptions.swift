/// Options that several subcommands share.

public import ArgumentParser
import Checkpoints
import Foundation
import Logging
public import Messaging

/// Which checkpoint.
struct ModelOption: ParsableArguments {
  @Option(
    help: """
      A checkpoint: a directory in Hugging Face's llava-hf layout, a GGUF file, or a directory \
      that holds one. Default: the embedded model.
      """)
  var model: String?

  @Option(
    help: """
      A GGUF file with the vision encoder and projector of a GGUF model. Default: the only \
      mmproj*.gguf beside it.
      """)
  var mmproj: String?

  func validate() throws {
    if model == nil, mmproj != nil { throw ValidationError("--mmproj goes with --model.") }
  }

  /// Where the model is; the embedded one if none is named.
  func location() throws -> URL {
    try model.map { URL(filePath: $0) } ?? EmbeddedModel.directory()
  }

  /// The file of a GGUF model's vision encoder, if one is named.
  var encoder: URL? { mmproj.map { URL(filePath: $0) } }

  func checkpoint() throws -> Checkpoint {
    try Checkpoint(at: location(), encoder: encoder)
  }
}

/// How much is logged.
struct LogOption: ParsableArguments {
  @Option(
    help: "trace, debug, info, notice, warning, error or critical; logs go to standard error.",
    transform: level)
  var logLevel: Logger.Level = .info

  static func level(_ name: String) throws -> Logger.Level {
    guard let level = Logger.Level(rawValue: name) else {
      let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("There is no log level \(name). Use one of \(names).")
    }
    return level
  }

  func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = logLevel
    return logger
  }
}

/// What every process of a cluster takes.
struct ProcessOptions: ParsableArguments {
  @Flag(help: "Allow addresses that other machines can reach, without encryption.")
  var insecure = false

  @Flag(help: .hidden)
  var withParent = false
}

extension Address: ExpressibleByArgument {
  public init?(argument: String) { try? self.init(argument) }
}

/// The coordinator's port where none is named.
let defaultPort: UInt16 = 5710
