/// `chatspot status`: who runs what.

import ArgumentParser
import Foundation
import Gateway

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints who runs what in a cluster, predicted and measured.",
    discussion: """
      Asks the cluster's HTTP gateway. If it wants an API key, it is taken from CHATSPOT_API_KEY.
      """)

  @Option(help: "The gateway's address.")
  var url = "http://127.0.0.1:\(GatewaySettings().port)"

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Certificates to trust instead of the system's, for https.", valueName: "PEM file"))
  var tlsCa: String?

  func run() async throws {
    let key = ProcessInfo.processInfo.environment["CHATSPOT_API_KEY"]
    let client = try ClusterStatusClient(url: url, key: key, authority: tlsCa)
    let report = ClusterStatusReport(try await client.status())
    let text = json ? try report.json() : Data(report.text.utf8)
    FileHandle.standardOutput.write(text + Data("\n".utf8))
  }
}
