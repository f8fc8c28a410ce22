/// The client over real sockets: whoever waits is told when there is nothing to wait for.

import Logging
import Messaging
import Testing
import Wire

@testable import Coordinator

@Suite("query client", .timeLimit(.minutes(5)))
struct QueryClientTests {
  @Test("a coordinator that ends says so to a client whose query waits")
  func coordinatorEnds() async throws {
    let coordinator = try Coordinator(
      model: try FakeCluster.model.get(), settings: CoordinatorSettings(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let address = try await coordinator.start(at: .loopback(port: 0))
    let client = try QueryClient(coordinator: address)
    try await client.connect()
    let events = try await client.ask(FakeCluster.query(1))
    await coordinator.stop()
    let error = await #expect(throws: CoordinatorError.self) {
      for try await _ in events {}
    }
    #expect(error?.code == .lost && error?.message.contains("\(address)") == true)
    await client.close()
  }

  @Test("nobody there: connecting ends with the address and what to start")
  func nobody() async throws {
    let client = try QueryClient(coordinator: .loopback(port: 9))
    let error = await #expect(throws: CoordinatorError.self) {
      try await client.connect(timeout: .milliseconds(1))
    }
    #expect(error?.code == .unreachable && error?.message.contains(":9") == true)
    await client.close()
  }

  @Test("closing ends a connect under way, and nothing can be asked afterwards")
  func closed() async throws {
    let client = try QueryClient(coordinator: .loopback(port: 9))
    let connecting = Task { try await client.connect(timeout: .seconds(600)) }
    try await Task.sleep(for: .milliseconds(50))
    await client.close()
    await #expect(throws: CoordinatorError.self) { try await connecting.value }
  }

  @Test("a client that was never connected cannot ask")
  func neverConnected() async throws {
    let client = try QueryClient(coordinator: .loopback(port: 9))
    await #expect(throws: CoordinatorError.self) { _ = try await client.ask(FakeCluster.query(1)) }
    await client.close()
  }
}
