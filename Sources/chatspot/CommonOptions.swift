/// Options that several subcommands share.

public import ArgumentParser
import Foundation
import Logging
public import Messaging

/// Which checkpoint.
struct ModelOption: ParsableArguments {
  @Option(
    help: "A checkpoint's directory (Hugging Face llava-hf layout). Default: the embedded model.")
  var model: String?

  /// The directory; the embedded model if none is named.
  func directory() throws -> URL {
    try model.map { URL(filePath: $0) } ?? EmbeddedModel.directory()
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
