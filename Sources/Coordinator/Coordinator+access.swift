/// Keys at the coordinator's door.

internal import Logging
internal import Messaging

extension Coordinator {
  /// How often the allow-list's file is looked at.
  private static let refreshInterval = Duration.milliseconds(200)

  /// How the socket is secured; from now on the allow-list's file is watched.
  func secure() throws(MessagingError) -> SocketSecurity {
    guard let keys else { return .none }
    let watched = try WatchedIdentities(keys.directory)
    self.watched = watched
    state.access = Access(watched.list)
    allowList.replace(Set(watched.list.identities.map(\.key)))
    reactor.every(Self.refreshInterval) { [weak self] in
      self?.assumeIsolated { $0.refreshIdentities() }
    }
    return .server(keys.pair, allowList)
  }

  private func refreshIdentities() {
    do {
      guard try watched?.refresh() == true, let list = watched?.list else { return }
      allowList.replace(Set(list.identities.map(\.key)))
      logger.info("the allow-list has changed: \(list.identities.count) identities")
      state.replaceIdentities(list, now: now)
      act()
    } catch {
      logger.error("the allow-list cannot be read, so the one before holds on: \(error)")
    }
  }

  /// Something has happened to a connection.
  func happened(_ event: SocketEvent) {
    switch event {
    case .disconnected: connectionEnded()
    case .keyRefused, .messageRefused(_, .keyNotAllowed): state.measurements.refused(.key)
    case .handshakeFailed: state.measurements.refused(.handshake)
    case .messageRefused: state.measurements.refused(.invalid)
    default: break
    }
  }
}
