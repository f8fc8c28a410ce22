/// A holder of tensors that does not do as it should.

import Checkpoints
import Logging
import Messaging
import Synchronization
import Wire

/// Gives so many chunks and then says nothing more; with `changes`, other bytes than it holds.
actor FakeSource {
  private nonisolated let reactor: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }
  private let model: ScratchModel
  private let chunksMax: Int
  private let changes: Bool
  private var socket: Socket?
  private(set) var given = 0

  init(_ model: ScratchModel, gives chunksMax: Int, changes: Bool = false) throws {
    reactor = try Reactor(name: "fake")
    self.model = model
    self.chunksMax = chunksMax
    self.changes = changes
  }

  func start() throws -> Address {
    let socket = try reactor.makeSocket(.router)
    socket.onMessage = { [weak self] peer, bytes in
      self?.assumeIsolated { $0.receive(bytes, from: peer) }
    }
    self.socket = socket
    return try socket.bind(.loopback(port: 0))
  }

  func stop() {
    socket?.close()
    reactor.shutdown()
  }

  private func receive(_ bytes: [UInt8], from peer: PeerIdentity?) {
    guard case .tensorRequest(let request)? = try? decode(bytes), given < chunksMax else { return }
    given += 1
    let range = request.offset..<request.offset + request.length
    guard var data = try? model.checkpoint.storedBytes(of: request.name, in: range) else { return }
    if changes { data[data.count / 2] ^= 1 }
    let chunk = TensorChunk(name: request.name, offset: request.offset, data: data)
    guard let answer = try? encode(.tensorChunk(chunk)) else { return }
    try? socket?.send(answer, to: peer)
  }
}

/// What was logged.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }
  var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.lines.withLock { $0.append("\(event.message)") }
    }
  }
}
