import Glibc

/// Lets strangers come to a listening socket only so often.
///
/// A handshake costs processor time on the very thread that moves everybody's messages before it is
/// known whose it is, and ZeroMQ accepts whoever comes. So connections are counted by where they
/// come from until a message with a key of the allow-list arrives on them (`ConnectionBudget`), and
/// the kernel holds off those who come too often (`SourceFilter`).
final class ConnectionLimiter {
  /// Our own descriptor of each listener, by ZeroMQ's. ZeroMQ closes its own on another thread;
  /// the number might be somebody else's by then.
  private var listeners: [Int32: Int32] = [:]
  private struct Peer {
    let connection: Connection
    /// What is given back once it has said who it is.
    var charge: ConnectionBudget.Charge?
  }

  /// Who has connected, by descriptor.
  private var peers: [Int32: Peer] = [:]
  private var budget = ConnectionBudget()
  private var filter = SourceFilter()
  private var toldAt: [String: UInt64] = [:]
  private var newlyHeld: [String] = []
  /// Keys of the allow-list whose owners broke the rules, and until when they count as strangers.
  private var distrusted: [PublicKey: UInt64] = [:]

  private static let silenceNanoseconds: UInt64 = 10_000_000_000
  private static let distrustNanoseconds: UInt64 = 60_000_000_000

  /// When somebody who is held off need not be any more.
  private(set) var deadline: UInt64?

  deinit { close() }

  /// A listener or a connection has come or gone.
  func note(_ report: SocketMonitor.Report, now: UInt64) {
    guard let descriptor = report.descriptor else { return }
    switch report.event {
    case .listening(let endpoint) where endpoint.hasPrefix("tcp"):
      let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      guard own >= 0 else { return }
      // By now it may have been closed, and the number be somebody else's.
      guard Self.isListening(own) else {
        Glibc.close(own)
        return
      }
      if let old = listeners.updateValue(own, forKey: descriptor) { Glibc.close(old) }
      if !filter.isEmpty { filter.attach(to: own) }
    case .closed:
      if let own = listeners.removeValue(forKey: descriptor) { Glibc.close(own) }
    case .accepted(let endpoint) where endpoint.hasPrefix("tcp"):
      // Whoever has hung up already does not say any more where it was, and is not counted. Of
      // several reports on one descriptor all but one are of connections that have ended.
      guard let connection = Connection(descriptor), peers[descriptor]?.connection != connection,
        let source = SourceNetwork(peerOf: descriptor)
      else { return }
      peers[descriptor] = Peer(
        connection: connection, charge: budget.arrived(from: source, now: now))
      update(now: now)
    default: break
    }
  }

  /// A message with a key of the allow-list has come on a connection.
  func authenticated(_ key: PublicKey, descriptor: Int32) {
    guard let charge = peers[descriptor]?.charge else { return }
    peers[descriptor]?.charge = nil
    let now = MonotonicClock.nanoseconds()
    if let until = distrusted[key] {
      guard now >= until else { return }
      distrusted[key] = nil
    }
    budget.refund(charge, now: now)
    update(now: now)
  }

  /// The owner of a key broke the rules: for a minute, whoever comes with it counts as a stranger.
  func distrust(_ key: PublicKey) {
    distrusted[key] = MonotonicClock.nanoseconds() + Self.distrustNanoseconds
  }

  /// Lets in again whose time is over.
  func expire(now: UInt64) {
    if let deadline, now >= deadline { update(now: now) }
  }

  /// Who is held off since the last call, without those that were told of just before.
  func takeNewlyHeld() -> [String] {
    defer { newlyHeld = [] }
    return newlyHeld
  }

  /// Gives the listeners up, so that their addresses become free.
  func close() {
    for own in listeners.values { Glibc.close(own) }
    listeners = [:]
    deadline = nil
  }

  private func update(now: UInt64) {
    let held = budget.held(now: now)
    deadline = held.until
    let wanted = SourceFilter(
      everybody: held.everybody, sources: held.everybody ? [] : held.sources)
    guard wanted != filter else { return }
    tell(wanted, now: now)
    filter = wanted
    for own in listeners.values { wanted.attach(to: own) }
  }

  private static func isListening(_ descriptor: Int32) -> Bool {
    var (answer, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0
  }

  private func tell(_ wanted: SourceFilter, now: UInt64) {
    toldAt = toldAt.filter { now - $0.value < Self.silenceNanoseconds }
    let names =
      wanted.everybody ? ["everywhere"] : wanted.sources.map(\.description).sorted()
    for name in names where toldAt[name] == nil {
      toldAt[name] = now
      newlyHeld.append(name)
    }
  }
}
