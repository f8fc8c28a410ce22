import Glibc

/// Which connections of a listening socket belong to which key, as far as messages have come.
///
/// ZeroMQ ends no single connection of a socket when asked. Shutting its descriptor down does: both
/// sides then see the connection end.
struct AuthenticatedConnections {
  private var byKey: [PublicKey: Set<Connection>] = [:]
  private var last: (key: PublicKey, descriptor: Int32)?

  /// A message of the key's owner has come on the descriptor.
  mutating func note(_ key: PublicKey, descriptor: Int32) {
    // Most messages follow one of the same peer.
    if let last, last.descriptor == descriptor, last.key == key { return }
    last = (key, descriptor)
    guard let connection = Connection(descriptor) else { return }
    byKey[key, default: []].insert(connection)
    if byKey[key, default: []].count > 64 { forgetEnded(key) }
  }

  /// Whose connections are known.
  var keys: [PublicKey] { Array(byKey.keys) }

  /// Somebody has connected: a descriptor may be another connection's than before.
  mutating func forgetLast() { last = nil }

  /// Shuts down all connections of a key that still stand.
  mutating func end(_ key: PublicKey) {
    for connection in byKey.removeValue(forKey: key) ?? [] where connection.isOpen {
      shutdown(connection.descriptor, Int32(SHUT_RDWR))
    }
    if last?.key == key { last = nil }
  }

  private mutating func forgetEnded(_ key: PublicKey) {
    byKey[key] = byKey[key]?.filter(\.isOpen)
  }
}
