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
  /// Where connections come from that have not said who they are, by descriptor.
  private var strangers: [Int32: Origin] = [:]
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
      listeners[descriptor] = own
      if !filter.isEmpty { _ = filter.attach(to: own) }
    case .closed:
      if let own = listeners.removeValue(forKey: descriptor) { Glibc.close(own) }
    case .accepted(let endpoint) where endpoint.hasPrefix("tcp"):
      // Whoever has hung up already cost no handshake, and does not say any more where it was.
      strangers[descriptor] = nil
      guard let origin = Origin(peerOf: descriptor) else { return }
      strangers[descriptor] = origin
      budget.arrived(from: origin, now: now)
      update(now: now)
    default: break
    }
  }

  /// A message with a key of the allow-list has come on a connection.
  func welcome(_ key: PublicKey, descriptor: Int32) {
    guard !strangers.isEmpty, let origin = strangers.removeValue(forKey: descriptor) else { return }
    let now = MonotonicClock.nanoseconds()
    if let until = unwelcome[key] {
      guard now >= until else { return }
      unwelcome[key] = nil
    }
    budget.welcomed(from: origin, now: now)
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
    // A kernel that takes no program leaves things as they were before there was a door.
    for own in listeners.values { _ = wanted.attach(to: own) }
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
