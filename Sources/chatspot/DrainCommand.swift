/// `chatspot drain`: moves a member's work to others.

import ArgumentParser
import Coordinator
import Foundation
import Messaging

struct DrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Moves the work of a worker or vision node to others, so that it can be stopped.",
    discussion: """
      Returns once nothing depends on it; no query fails. The others load its layers first. SIGTERM \
      has a worker do the same before it ends, and is the only way in a cluster with keys. A member \
      that has been drained gets no more work until it joins again.
      """)

  @Argument(help: "Its name, as `chatspot status` shows it.")
  var name: String

  @Option(help: "The coordinator's address.")
  var coordinator: Address = .loopback(port: defaultPort)

  @OptionGroup var security: SecurityOptions

  func run() async throws {
    try security.check(coordinator)
    let client = try QueryClient(
      coordinator: coordinator, keys: try security.file(for: .client))
    do {
      try await client.connect()
      try await client.drain(name)
    } catch {
      await client.close()
      throw error
    }
    await client.close()
    print("\(name) has no more work")
  }
}
