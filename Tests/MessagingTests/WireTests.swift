import Glibc
import Messaging
import Testing

/// Peers that are no ChatSpot process: bytes written to the wire by hand.
@Suite("Wire", .timeLimit(.minutes(1)))
struct WireTests {
  @Test("messages of several parts are refused and counted; the next good one arrives")
  func multipart() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    for kind in [SocketKind.router, .dealer] {
      let receiver = Peer(reactor: bench.far)
      try await receiver.open(kind, context: bench.context)
      let port = try #require(try await receiver.bind(bench.address()).port)
      let descriptor = try connectTo(port: port)
      defer { Glibc.close(descriptor) }
      // ZMTP 3.0 (https://rfc.zeromq.org/spec/23/): greeting, READY, then a message of two parts,
      // one of three with an empty first part, one of a single part.
      var bytes: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]
      bytes += Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
      let ready = [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 6]
      let command = ready + Array("DEALER".utf8)
      bytes += [4, UInt8(command.count)] + command
      #expect(write(descriptor, bytes, bytes.count) == bytes.count)
      // The other side's greeting and READY: messages may not come before.
      let greeting = receive(64 + 2, from: descriptor)
      _ = receive(Int(try #require(greeting.last)), from: descriptor)
      bytes = [1, 1, 65, 0, 1, 66]
      bytes += [1, 0, 1, 1, 67, 0, 1, 68]
      bytes += [0, 2, 69, 70]
      #expect(write(descriptor, bytes, bytes.count) == bytes.count)
      #expect(await receiver.next().bytes == [69, 70])
      let counters = await receiver.close()
      #expect(counters?.refusedMessages == 2)
      #expect(counters?.receivedMessages == 1)
    }
  }

  @Test("a peer that speaks something else fails the handshake")
  func handshakeFailure() async throws {
    let bench = try Bench(.tcp)
    defer { bench.end() }
    let router = Peer(reactor: bench.far)
    try await router.open(.router, context: bench.context)
    let port = try #require(try await router.bind(bench.address()).port)
    let descriptor = try connectTo(port: port)
    let nonsense = Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
    #expect(write(descriptor, nonsense, nonsense.count) == nonsense.count)
    Glibc.close(descriptor)
    let event = await router.event { if case .handshakeFailed = $0 { true } else { false } }
    if case .handshakeFailed(_, let reason) = event { #expect(!reason.isEmpty) }
  }

  /// Exactly so many bytes, or fewer at the end of the connection.
  private func receive(_ count: Int, from descriptor: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let taken = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
    return Array(bytes.prefix(max(0, taken)))
  }

  /// A plain TCP connection to a port of this machine.
  private func connectTo(port: UInt16) throws -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0)
    return descriptor
  }
}
