/// Keys at the coordinator's door.

internal import Logging
internal import Messaging
internal import Transfer

extension Coordinator {
  /// How often the allow-list's file is looked at.
  private static let refreshInterval = Duration.milliseconds(200)

  /// How the socket is secured; from now on the allow-list's file is watched.
  func secure() throws(MessagingError) -> SocketSecurity {
    guard let keys else { return .none }
    let watched = try WatchedIdentities(keys.directory)
    self.watched = watched
    state.access = Access(watched.list)
    allow(watched.list)
    reactor.every(Self.refreshInterval) { [weak self] in
      self?.assumeIsolated { $0.refreshIdentities() }
    }
    return .server(keys.pair, allowList)
  }

  /// Lets in whom a list names; to the tensors, workers alone.
  private func allow(_ list: IdentityList) {
    allowList.replace(Set(list.identities.map(\.key)))
    tensors?.allow(Set(list.identities.filter { $0.role == .worker }.map(\.key)))
  }

  /// Somebody was refused at one of the coordinator's sockets.
  func refused(_ refusal: Refusal) {
    state.measurements.refused(CoordinatorMetrics.Refusal(refusal))
  }

  private func refreshIdentities() {
    do {
      guard try watched?.refresh() == true, let list = watched?.list else { return }
      allow(list)
      logger.info("the allow-list has changed: \(list.identities.count) identities")
      state.replaceIdentities(list, now: now)
      act()
    } catch {
      logger.error("the allow-list cannot be read, so the one before holds on: \(error)")
    }
  }

  /// Something has happened to a connection.
  func happened(_ event: SocketEvent) {
    if case .disconnected = event { connectionEnded() }
    if let refusal = event.refusal { refused(refusal) }
    if let warning = event.warning { logger.warning("\(warning)") }
  }
}
