/// Options that several subcommands share.

public import ArgumentParser
import Checkpoints
import Coordinator
import Foundation
import Logging
public import Messaging

/// Which checkpoint.
struct ModelOption: ParsableArguments {
  @Option(
    help: """
      A checkpoint: a directory in Hugging Face's llava-hf, LLaVA's own or Merlin's layout, with \
      safetensors or pickled weights; a GGUF file, or a directory that holds one. Default: the \
      embedded model.
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

/// Keys, or that there are none.
struct SecurityOptions: ParsableArguments {
  @Option(
    help: """
      Encrypt, and speak only with those who have keys of this cluster: a key file, or the directory \
      of `chatspot keys`.
      """)
  var keys: String?

  @Flag(help: "Allow addresses that other machines can reach, without encryption.")
  var insecure = false

  func validate() throws {
    if keys != nil, insecure { throw ValidationError("--keys and --insecure exclude each other.") }
  }

  /// The key of a member or client, if there are keys.
  func file(for role: IdentityRole) throws -> KeyFile? {
    try keys.map { try KeyDirectory.file(at: $0, for: role) }
  }

  /// The coordinator's keys, if there are keys.
  func coordinatorKeys() throws -> CoordinatorKeys? {
    try keys.map { try CoordinatorKeys(KeyDirectory(path: $0)) }
  }

  func check(_ address: Address) throws {
    try address.requireKeys(keys != nil, unless: insecure)
  }

  /// The same as arguments, for a child process.
  var arguments: [String] {
    (keys.map { ["--keys", $0] } ?? []) + (insecure ? ["--insecure"] : [])
  }
}

/// What every process of a cluster takes.
struct ProcessOptions: ParsableArguments {
  @OptionGroup var security: SecurityOptions

  @Flag(help: .hidden)
  var withParent = false
}

extension Address: ExpressibleByArgument {
  public init?(argument: String) { try? self.init(argument) }
}

/// The coordinator's port where none is named.
let defaultPort: UInt16 = 5710
