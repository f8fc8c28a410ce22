import Checkpoints
import Foundation
import Logging
import Messaging
import Testing
import Wire

@testable import Transfer

@Suite("A server of tensors", .timeLimit(.minutes(5)))
final class TensorServerTests {
  private let directory = FileManager.default.temporaryDirectory
    .appending(path: "chatspot-server-\(UUID())")

  deinit { try? FileManager.default.removeItem(at: directory) }

  @Test("what it does not hold is refused: other models, unknown tensors, bytes beyond the end")
  func refusals() async throws {
    let model = try ScratchModel(in: directory, layers: 1, mebibytes: 1)
    let server = try TensorServer(
      model.checkpoint, modelDigest: model.modelDigest, logger: LogLines().logger)
    let address = try await server.start(at: .loopback(port: 0))
    let peer = try RawPeer(address)
    try await peer.connect()
    func ask(_ digest: [UInt8], _ name: String, _ offset: Int, _ length: Int) async throws
      -> TensorChunk?
    {
      let request = TensorRequest(
        modelDigest: digest, name: name, offset: offset, length: length)
      guard case .tensorChunk(let chunk) = try await peer.ask(encode(.tensorRequest(request)))
      else { return nil }
      return chunk
    }
    let (digest, name) = (model.modelDigest, ScratchModel.name(0))
    let other = try await ask([UInt8](repeating: 0, count: 32), name, 0, 1)
    #expect(other?.refusal == "no tensor of this model is here")
    let unknown = try await ask(digest, "../../etc/passwd", 0, 1)
    #expect(unknown?.refusal.contains("has no tensor") == true)
    for (offset, length) in [(1 << 20, 1), (0, 1 << 20 + 1), (1 << 40, 4 << 20), (1 << 20 - 1, 2)] {
      let beyond = try await ask(digest, name, offset, length)
      #expect(beyond?.refusal.contains("are asked for") == true && beyond?.data == [])
    }
    // Nothing that is no request is answered, and none of it stops the server.
    try await peer.send([0xff, 0xff, 0xff])
    try await peer.send(encode(.goodbye(Goodbye(reason: "x"))))
    try await peer.send([])
    let last = try await ask(digest, name, 1 << 20 - 1, 1)
    #expect(try last?.data == model.checkpoint.storedBytes(of: name, in: 1 << 20 - 1..<1 << 20))
    #expect(await server.givenBytes == 1)
    await peer.stop()
    await server.stop()
  }
}

/// Somebody who sends any bytes and waits for one answer.
actor RawPeer {
  private nonisolated let reactor: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
  private let address: Address
  private let security: SocketSecurity
  private var socket: Socket?
  private let answers: AsyncStream<[UInt8]>
  private let input: AsyncStream<[UInt8]>.Continuation
  /// What happened to its connection, and how many messages came.
  private(set) var events: [SocketEvent] = []
  private(set) var answered = 0

  init(_ address: Address, _ security: SocketSecurity = .none) throws {
    reactor = try Reactor(name: "peer")
    self.address = address
    self.security = security
    (answers, input) = AsyncStream.makeStream()
  }

  func connect() throws {
    var options = SocketOptions()
    options.security = security
    let socket = try reactor.makeSocket(.dealer, options: options)
    let input = input
    socket.onMessage = { [weak self] _, bytes in
      self?.assumeIsolated { $0.answered += 1 }
      input.yield(bytes)
    }
    socket.onEvent = { [weak self] event in self?.assumeIsolated { $0.events.append(event) } }
    try socket.connect(address)
    self.socket = socket
  }

  func send(_ bytes: [UInt8]) throws { try socket?.send(bytes) }

  func ask(_ bytes: [UInt8]) async throws -> Message? {
    try send(bytes)
    for await answer in answers { return try decode(answer) }
    return nil
  }

  func stop() {
    socket?.close()
    reactor.shutdown()
  }
}
