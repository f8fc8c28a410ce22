/// Whole clusters of real processes over TCP.

import Coordinator
import Foundation
import Messaging
import Supervision
import Testing
import Wire

@Suite("a cluster of real processes", .serialized, .timeLimit(.minutes(5)))
struct ClusterTests {
  @Test("32 queries at once over 3 stages are answered as by one stage, and nothing is left behind")
  func concurrentQueries() async throws {
    let cases = Array(try HeldoutCase.all().filter(\.isRegionCase).prefix(32))
    let messages = try cases.map { try $0.message() }
    var answers: [[Answer]] = []
    for workers in [1, 3] {
      // Below the ports that the system hands out, so that it is free again afterwards.
      let listen = "tcp://127.0.0.1:\(Int.random(in: 20_000..<32_000))"
      let (cluster, address) = try await start(
        workers: workers, activations: "f32", listen: listen)
      let processes = await cluster.processes.map(\.processID)
      #expect(processes.count == workers + 2)
      let client = try QueryClient(coordinator: try Address(address))
      try await client.connect()
      answers.append(try await client.answers(messages))
      await client.close()
      await cluster.stop()
      #expect(processes.allSatisfy { !isRunning($0) })
      try await expectFree(address)
    }
    #expect(answers[0].map(\.text) == answers[1].map(\.text))
    #expect(answers[1].map(\.text) == cases.map(\.transformers))
    let stages = answers[1][0].processes.filter { $0.layerCount > 0 }
    #expect(stages.count == 3 && stages.reduce(0) { $0 + $1.layerCount } == 4)
    #expect(answers[1].allSatisfy { $0.imageTokens == 64 && $0.imageSeconds > 0 })
  }

  @Test("held-out questions are answered word for word as transformers answers them")
  func heldout() async throws {
    let cases = try HeldoutCase.all()
    let (cluster, address) = try await start(workers: 2, activations: "f16")
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    let answers = try await client.answers(try cases.map { try $0.message() })
    await client.close()
    await cluster.stop()
    let region = zip(cases, answers).filter { $0.0.isRegionCase }
    #expect(region.count == 285)
    let ours = region.count { $0.1.text == $0.0.truth }
    let theirs = region.count { $0.0.transformers == $0.0.truth }
    #expect(abs(Double(ours - theirs)) / Double(region.count) <= 0.005)
    // f16 activations may tip a rare near-tie.
    let different = zip(cases, answers).filter { $0.0.transformers != $0.1.text }
    #expect(different.count <= 2, "\(different.map { ($0.0.transformers, $0.1.text) })")
  }

  @Test(
    "quantised layers cost hardly any accuracy",
    arguments: [("q8_0", 0.005, 0.98), ("q4_0", 0.02, 0.95)])
  func quantized(format: String, accuracyLoss: Double, agreement: Double) async throws {
    let cases = try HeldoutCase.all().filter(\.isRegionCase)
    let (cluster, address) = try await start(
      workers: 2, activations: "f16", coordinatorArguments: ["--weights", format])
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    let answers = try await client.answers(try cases.map { try $0.message() })
    await client.close()
    await cluster.stop()
    func share(_ matches: (HeldoutCase, Answer) -> Bool) -> Double {
      Double(zip(cases, answers).count(where: matches)) / Double(cases.count)
    }
    let theirs = share { question, _ in question.transformers == question.truth }
    #expect(share { $0.truth == $1.text } >= theirs - accuracyLoss)
    #expect(share { $0.transformers == $1.text } >= agreement)
  }

  @Test("sampled answers repeat with their seed on any number of stages")
  func seeds() async throws {
    var message = try HeldoutCase.all()[5].message()
    message.sampling = WireSampling(temperature: 1.5, seed: 7)
    var texts: [Set<String>] = []
    for workers in [1, 4] {
      let (cluster, address) = try await start(workers: workers, activations: "f32")
      let client = try QueryClient(coordinator: try Address(address))
      try await client.connect()
      let same = try await client.answers([message, message, message]).map(\.text)
      var other = message
      other.sampling.seed = 8
      texts.append(Set(same + [try await client.answer(other).text]))
      #expect(Set(same).count == 1)
      await client.close()
      await cluster.stop()
    }
    #expect(texts[0] == texts[1])
  }

  @Test("bad queries are refused with a reason and the cluster goes on")
  func badQueries() async throws {
    let good = try HeldoutCase.all()[0]
    let (cluster, address) = try await start(workers: 2, activations: "f16")
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    var cases: [(String, ReferringQueryMessage)] = []
    func add(_ reason: String, _ change: (inout ReferringQueryMessage) throws -> Void) throws {
      var message = try good.message()
      try change(&message)
      cases.append((reason, message))
    }
    let picture = try good.message().images[0]
    try add("looks like") { $0.images = [Array("<html>".utf8)] }
    try add("cut short") { $0.images = [Array(picture.prefix(picture.count / 2))] }
    try add("30000×30000") { $0.images = [try Pictures.huge()] }
    try add("outside the picture") { $0.turns[0].regions[0].coordinates = [200, 200, 300, 300] }
    try add("context") { $0.turns[0].text = String(repeating: "word ", count: 4000) }
    try add("marks") { $0.turns[0].regions = [] }
    try add("question") { $0.turns[0].text = " \n" }
    for (reason, message) in cases {
      do {
        let answer = try await client.answer(message)
        Issue.record("answered \(answer.text) where \"\(reason)\" was expected")
      } catch let error as CoordinatorError {
        #expect(error.description.contains(reason), "\(error)")
      }
      #expect(try await client.answer(good.message()).text == good.transformers)
    }
    // One pixel is a picture; a text without a picture is a question.
    var odd = try good.message()
    odd.images = [try Pictures.onePixel()]
    odd.turns[0].regions[0].coordinates = [0, 0, 1, 1]
    #expect(try await client.answer(odd).newTokens > 0)
    (odd.images, odd.turns[0].images, odd.turns[0].regions) = ([], [], [])
    odd.turns[0].text = "What is a circle?"
    #expect(try await client.answer(odd).imageTokens == 0)
    await client.close()
    await cluster.stop()
  }

  @Test("a conversation's later turns may point at other places")
  func conversation() async throws {
    let cases = try HeldoutCase.all().filter { $0.isRegionCase && $0.image == "grid_000.png" }
    let (first, second) = (cases[0], cases[1])
    let (cluster, address) = try await start(workers: 2, activations: "f16")
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    var message = try first.message()
    message.turns.append(WireTurn(speaker: .assistant, text: first.transformers))
    var last = try second.message().turns[0]
    last.images = []
    message.turns.append(last)
    let answer = try await client.answer(message)
    #expect(answer.text == second.transformers)
    #expect(answer.imageTokens == 64)
    await client.close()
    await cluster.stop()
  }

  @Test("a process of another protocol version is refused with a reason")
  func protocolVersion() async throws {
    let (cluster, address) = try await start(workers: 1, activations: "f16")
    let stranger = try Stranger(try Address(address))
    let reply = try await stranger.exchange(
      .hello(Hello(protocolVersion: 99, role: .decoderWorker)))
    guard case .error(let error) = reply else {
      Issue.record("not refused: \(reply)")
      return
    }
    #expect(error.code == .protocolVersion && error.text.contains("99"))
    await stranger.close()
    let good = try HeldoutCase.all()[0]
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    #expect(try await client.answer(good.message()).text == good.transformers)
    await client.close()
    await cluster.stop()
  }

  @Test("a client hears of it when its coordinator dies")
  func lostCoordinator() async throws {
    let (cluster, address) = try await start(workers: 1, activations: "f16")
    let client = try QueryClient(coordinator: try Address(address))
    try await client.connect()
    let processes = await cluster.processes
    let coordinator = try #require(processes.first { $0.name == "coordinator" })
    // Stopped, it takes the query and never answers it.
    kill(coordinator.processID, SIGSTOP)
    let message = try HeldoutCase.all()[0].message()
    let asking = Task { try await client.answer(message) }
    try await Task.sleep(for: .milliseconds(50))
    kill(coordinator.processID, SIGKILL)
    await #expect(throws: CoordinatorError.self) { try await asking.value }
    #expect(await cluster.failure()?.message.contains("coordinator ended with signal 9") == true)
    await client.close()
    await cluster.stop()
  }

  private func start(
    workers: Int, activations: String, coordinatorArguments: [String] = [],
    listen: String = "tcp://127.0.0.1:0"
  ) async throws -> (LocalCluster, String) {
    var settings = LocalClusterSettings(executable: Program.url, model: Program.model)
    settings.workers = workers
    settings.coordinatorArguments =
      ["--activations", activations, "--no-http"] + coordinatorArguments
    settings.listen = listen
    settings.logLevel = "error"
    let cluster = LocalCluster(settings)
    return (cluster, try await cluster.start())
  }

  /// Somebody else can listen where the coordinator did.
  private func expectFree(_ address: String) async throws {
    let coordinator = try RunningProgram([
      "coordinator", "--listen", address, "--no-http", "--model", Program.model.path, "--log-level",
      "error",
    ])
    #expect(try await coordinator.line("listening ") == address)
    coordinator.signal(SIGTERM)
    #expect(await coordinator.end() == 0)
  }
}

/// A peer that sends what it likes.
actor Stranger {
  private nonisolated let reactor: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
  private let address: Address
  private var socket: Socket?
  private let replies: AsyncStream<[UInt8]>
  private let received: AsyncStream<[UInt8]>.Continuation

  init(_ address: Address) throws {
    reactor = try Reactor(name: "stranger")
    self.address = address
    (replies, received) = AsyncStream.makeStream()
  }

  /// Sends a message and returns the first reply.
  func exchange(_ message: Message) async throws -> Message {
    let socket = try reactor.makeSocket(.dealer)
    self.socket = socket
    socket.onMessage = { [received] _, bytes in received.yield(bytes) }
    try socket.connect(address)
    try socket.send(try encode(message))
    for await bytes in replies { return try decode(bytes) }
    throw CancellationError()
  }

  func close() {
    socket?.close()
    reactor.shutdown()
  }
}
