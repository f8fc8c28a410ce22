import Synchronization

/// The public keys that may connect to a listening socket. May change at any time, from any thread:
/// it holds for connections to come, and for each message of those that stand.
public final class AllowList: Sendable, Equatable {
  /// What ZeroMQ calls the list when it asks.
  let domain: String
  private let keys: Mutex<Set<PublicKey>>
  /// Whether a refused peer is told to give up, rather than to try again.
  let refusesForGood: Bool

  private struct Entry { weak var list: AllowList? }
  private static let known = Mutex<[String: Entry]>([:])
  private static let lastNumber = Atomic<UInt64>(0)

  /// - Parameter refusesForGood: whether a peer whose key is not on the list is told so and gives
  ///   up. Otherwise its handshake waits for the list to learn of it, for some seconds, after
  ///   which it tries again: right where the list may learn of a peer after the peer learns of the
  ///   socket.
  public init(_ keys: Set<PublicKey> = [], refusesForGood: Bool) {
    let number = Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
    domain = "list-\(number)"
    self.keys = Mutex(keys)
    self.refusesForGood = refusesForGood
    Self.known.withLock { $0[domain] = Entry(list: self) }
  }

  deinit {
    let domain = domain
    _ = Self.known.withLock { $0.removeValue(forKey: domain) }
  }

  /// Allows these keys and no others from now on.
  public func replace(_ keys: Set<PublicKey>) { self.keys.withLock { $0 = keys } }

  /// Whether the key is allowed.
  public func contains(_ key: PublicKey) -> Bool { keys.withLock { $0.contains(key) } }

  /// The list that ZeroMQ asks for.
  static func named(_ domain: String) -> AllowList? { known.withLock { $0[domain]?.list } }

  public static func == (one: AllowList, other: AllowList) -> Bool { one === other }
}
