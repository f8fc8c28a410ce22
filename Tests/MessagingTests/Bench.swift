import Glibc
import Messaging
import Synchronization

/// A context, two reactors and addresses of one transport; everything is ended with `end()`.
final class Bench: Sendable {
  let context = MessagingContext()
  let near: Reactor
  let far: Reactor
  private let transport: Address.Transport
  private static let nextNumber = Atomic<Int>(Int.random(in: 0..<10_000))

  init(_ transport: Address.Transport) throws {
    self.transport = transport
    near = try Reactor(name: "near")
    far = try Reactor(name: "far")
  }

  /// An address on which nobody listens yet.
  func address() throws -> Address {
    let number = Self.nextNumber.wrappingAdd(1, ordering: .relaxed).newValue
    switch transport {
    case .tcp: return try Address("tcp://127.0.0.1:*")
    // An abstract name leaves no file behind.
    case .ipc: return try Address("ipc://@messaging-test-\(getpid())-\(number)")
    case .inproc: return try Address("inproc://test-\(number)")
    }
  }

  /// A fixed address, so that one can connect before anybody listens, or listen again.
  ///
  /// TCP ports come from below the range out of which the system gives ports to outgoing
  /// connections: inside it, somebody who keeps connecting to a free port may be given that very
  /// port and so connect to itself.
  func fixedAddress() async throws -> Address {
    let address = try address()
    guard address.transport == .tcp else { return address }
    while true {
      let number = Self.nextNumber.wrappingAdd(1, ordering: .relaxed).newValue
      let candidate = try Address(host: "127.0.0.1", port: UInt16(20_000 + number % 10_000))
      let peer = Peer(reactor: near)
      try await peer.open(.pull, context: context)
      do throws(MessagingError) {
        let bound = try await peer.bind(candidate)
        try await peer.unbind(bound)
        await peer.event { if case .closed = $0 { true } else { false } }
        await peer.close()
        return bound
      } catch {
        await peer.close()
        if error.code != .addressInUse { throw error }
      }
    }
  }

  func end() {
    near.shutdown()
    far.shutdown()
    context.terminate()
  }
}
