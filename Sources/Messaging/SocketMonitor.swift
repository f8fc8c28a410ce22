import CZeroMQ
import Synchronization

/// The receiving end of a socket's monitor: a PAIR socket that the same reactor polls.
final class SocketMonitor {
  private static let nextNumber = Atomic<UInt64>(0)

  let handle: SocketHandle
  private let watched: SocketHandle

  /// Watches a socket; must come before it is bound or connected.
  init(watching watched: SocketHandle, in context: MessagingContext) throws(MessagingError) {
    let number = Self.nextNumber.wrappingAdd(1, ordering: .relaxed).newValue
    let endpoint = "inproc://messaging-monitor-\(number)"
    self.watched = watched
    handle = try context.makeHandle(type: ZMQ_PAIR)
    // ZeroMQ's I/O thread waits when the pair is full, so it must not fill while the reactor is
    // busy.
    _ = handle.set(ZMQ_RCVHWM, Int32(65_536))
    _ = handle.set(ZMQ_LINGER, Int32(0))
    guard watched.monitor(endpoint), handle.connect(endpoint) else {
      throw .fromZeroMQ(while: "watching a socket")
    }
  }

  /// Takes up to `limit` events.
  func takeEvents(limit: Int) -> [SocketEvent] {
    var events: [SocketEvent] = []
    while events.count < limit, let header = handle.receivePart(byteLimit: 64) {
      guard header.hasMore, let endpoint = handle.receivePart(byteLimit: 4096) else { continue }
      let text = String(decoding: endpoint.bytes ?? [], as: UTF8.self)
      if let event = SocketEvent(header: header.bytes ?? [], endpoint: text) {
        events.append(event)
      }
    }
    return events
  }

  /// Ends the watch, before the watched socket is closed: a monitor without a reader would hold
  /// up ZeroMQ's I/O thread.
  func close() {
    _ = watched.monitor(nil)
    handle.close()
  }
}
