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

  /// An event, and the descriptor of the listener or connection that it is about, where it has one.
  struct Report {
    var event: SocketEvent
    var descriptor: Int32?
  }

  /// Takes up to `limit` events.
  func takeReports(limit: Int) -> [Report] {
    var reports: [Report] = []
    while reports.count < limit, let header = handle.receivePart(byteLimit: 64) {
      guard header.hasMore, let endpoint = handle.receivePart(byteLimit: 4096) else { continue }
      let text = String(decoding: endpoint.bytes ?? [], as: UTF8.self)
      let bytes = header.bytes ?? []
      if let event = SocketEvent(header: bytes, endpoint: text) {
        reports.append(Report(event: event, descriptor: event.descriptor(header: bytes)))
      }
    }
    return reports
  }

  /// Ends the watch, before the watched socket is closed: a monitor without a reader would hold
  /// up ZeroMQ's I/O thread.
  func close() {
    _ = watched.monitor(nil)
    handle.close()
  }
}
