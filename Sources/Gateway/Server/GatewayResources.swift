/// Where the files are that come with the gateway.

internal import Foundation

enum GatewayResources {
  private static let bundle = "chatspot_Gateway.resources"

  /// The folder with `page` and `openapi.json`. Throws `.file` if the program was moved without it.
  static func directory() throws(GatewayError) -> URL {
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let folder = program.deletingLastPathComponent()
    let candidates = [
      folder.appending(path: bundle), folder.appending(path: "../share/chatspot"),
    ]
    for candidate in candidates
    where FileManager.default.fileExists(atPath: candidate.appending(path: "openapi.json").path) {
      return candidate
    }
    throw GatewayError(
      .file, "the page and the API's description are not beside \(program.path)",
      remedy: "Keep \(bundle) next to the program, or start it with --no-http")
  }
}
