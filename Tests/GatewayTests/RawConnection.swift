/// Bytes over TCP, without an HTTP client's good manners.

import NIOCore
import NIOPosix
import Synchronization

/// A connection to a port of this machine.
final class RawConnection: Sendable {
  private let channel: any Channel
  private let collector: Collector

  init(port: Int) async throws {
    let collector = Collector()
    self.collector = collector
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(collector)
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  func send(_ text: String) async throws {
    try await channel.writeAndFlush(ByteBuffer(string: text))
  }

  /// Hangs up.
  func close() async throws { try await channel.close() }

  /// Reads no more.
  func stopReading() async throws {
    try await channel.setOption(ChannelOptions.autoRead, value: false).get()
  }

  /// Waits until the server closes, and returns all that it sent.
  func received() async -> String {
    try? await channel.closeFuture.get()
    return collector.text.withLock { $0 }
  }

  /// Waits until what came holds `part`. False if the server closes before, or after 20 seconds.
  func receives(_ part: String) async throws -> Bool {
    for _ in 0..<2000 {
      if collector.text.withLock({ $0.contains(part) }) { return true }
      guard channel.isActive else { return false }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  private final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let text = Mutex("")

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let part = String(buffer: unwrapInboundIn(data))
      text.withLock { $0 += part }
    }
  }
}
