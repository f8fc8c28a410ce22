import Glibc

/// Lets strangers come to a listening socket only so often.
///
/// A handshake costs processor time on the very thread that moves everybody's messages before it is
/// known whose it is, and ZeroMQ accepts whoever comes. So connections are counted by where they
/// come from until a message with a key of the allow-list arrives on them (`StrangerBudget`), and
/// the kernel holds off those who come too often (`OriginFilter`).
final class Door {
  /// Our own descriptor of each listener, by ZeroMQ's. ZeroMQ closes its own on another thread;
  /// the number might be somebody else's by then.
  private var listeners: [Int32: Int32] = [:]
  private struct Peer {
    /// Tells the connection from others that had, or will have, the same descriptor.
    let inode: UInt
    /// What is given back once it has said who it is.
    var charge: StrangerBudget.Charge?
  }

  /// Who has connected, by descriptor.
  private var peers: [Int32: Peer] = [:]
  private var budget = StrangerBudget()
  private var filter = OriginFilter()
  private var toldAt: [String: UInt64] = [:]
  private var newlyHeld: [String] = []

  /// Keys of the allow-list whose owners were shown out, and until when they count as strangers.
  private var unwelcome: [PublicKey: UInt64] = [:]

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
      // Whoever has hung up already does not say any more where it was, and is not counted. A
      // connection that is known belongs to a later report: this one's has ended, too.
      guard let inode = Self.inode(descriptor), peers[descriptor]?.inode != inode,
        let origin = Origin(peerOf: descriptor)
      else { return }
      peers[descriptor] = Peer(inode: inode, charge: budget.arrived(from: origin, now: now))
      update(now: now)
    default: break
    }
  }

  /// A message with a key of the allow-list has come on a connection.
  func welcome(_ key: PublicKey, descriptor: Int32) {
    guard let charge = peers[descriptor]?.charge else { return }
    peers[descriptor]?.charge = nil
    let now = MonotonicClock.nanoseconds()
    if let until = unwelcome[key] {
      guard now >= until else { return }
      unwelcome[key] = nil
    }
    budget.welcomed(charge, now: now)
    update(now: now)
  }

  /// The owner of a key was shown out: for a minute, whoever comes with it counts as a stranger.
  func showOut(_ key: PublicKey) {
    unwelcome[key] = MonotonicClock.nanoseconds() + Self.distrustNanoseconds
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
    let wanted = OriginFilter(
      everybody: held.everybody, origins: held.everybody ? [] : held.origins)
    guard wanted != filter else { return }
    tell(wanted, now: now)
    filter = wanted
    for own in listeners.values { wanted.attach(to: own) }
  }

  private static func isListening(_ descriptor: Int32) -> Bool {
    var (answer, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer != 0
  }

  private static func inode(_ descriptor: Int32) -> UInt? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt(status.st_ino) : nil
  }

  private func tell(_ wanted: OriginFilter, now: UInt64) {
    toldAt = toldAt.filter { now - $0.value < Self.silenceNanoseconds }
    let names =
      wanted.everybody ? ["everywhere"] : wanted.origins.map(\.description).sorted()
    for name in names where toldAt[name] == nil {
      toldAt[name] = now
      newlyHeld.append(name)
    }
  }
}
