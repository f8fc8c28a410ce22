/// Where the files are that come with the program.

import Foundation

enum EmbeddedModel {
  private static let bundle = "chatspot_chatspot.resources"

  /// The embedded checkpoint. Throws if the program was moved without its files.
  static func directory() throws -> URL { try resource("mini-chatspot") }

  /// Pictures to ask about, for the page; nil if they are not beside the program.
  static var samples: URL? { try? resource("samples") }

  /// The running program.
  static var executable: URL { URL(filePath: "/proc/self/exe").resolvingSymlinksInPath() }

  private static func resource(_ name: String) throws -> URL {
    let folder = executable.deletingLastPathComponent()
    let candidates = [
      folder.appending(path: bundle), folder.appending(path: "../share/chatspot"),
    ].map { $0.appending(path: name) }
    guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) })
    else {
      throw CommandError(
        "the embedded model is not beside \(executable.path)",
        remedy: "Keep \(bundle) next to the program, or name a checkpoint with --model")
    }
    return found
  }
}

/// An error of the command line itself.
struct CommandError: Error, CustomStringConvertible {
  let message: String
  let remedy: String

  init(_ message: String, remedy: String = "") {
    self.message = message
    self.remedy = remedy
  }

  var description: String { remedy.isEmpty ? message : "\(message). \(remedy)" }
}
