/// Who may do what: keys, roles, and peers that break the rules.

internal import Messaging
internal import Wire

extension CoordinatorState {
  /// Whether a message of a peer is looked at. `key` is the one that was authenticated, where the
  /// cluster has keys.
  mutating func admits(_ peer: PeerIdentity, key: PublicKey?, now: Double) -> Bool {
    guard conduct.isClean || conduct.hears(source(of: peer, key), now: now) else {
      measurements.refused(.ignored)
      return false
    }
    guard let access else { return true }
    if let key {
      if access.knows(key, of: peer) { return true }
      let keeping = Set(members.keys).union(clients)
      if self.access?.note(key, of: peer, keeping: keeping) == true { return true }
    }
    misbehaved(peer, .key, now: now)
    refuse(peer, .forbidden, "this connection's key is not, or no longer, on the allow-list")
    return false
  }

  /// Whose conduct it is: of a key's owner on whichever connection, else of the connection.
  private func source(of peer: PeerIdentity, _ key: PublicKey?) -> PeerIdentity {
    key.map { PeerIdentity($0.text) } ?? peer
  }

  /// Whether the role of a peer's key allows a message. Says no to the peer.
  mutating func permits(_ message: Message, from peer: PeerIdentity, now: Double) -> Bool {
    guard let access, peer != LocalQueries.identity else { return true }
    guard let identity = access.identity(of: peer) else {
      misbehaved(peer, .key, now: now)
      refuse(peer, .forbidden, "this connection's key is not, or no longer, on the allow-list")
      return false
    }
    guard case .hello(let hello) = message, hello.speaksOurVersion,
      hello.role != identity.role.wireRole
    else { return true }
    misbehaved(peer, .role, now: now)
    let owned = identity.role.wireRole?.name ?? "coordinator"
    refuse(
      peer, .forbidden,
      "the key \(identity.name) is a \(owned)'s, with which nobody joins as a \(hello.role.name)")
    return false
  }

  /// A message of a peer was refused. Too many, and the peer is out.
  mutating func misbehaved(
    _ peer: PeerIdentity, _ reason: CoordinatorMetrics.Refusal, now: Double
  ) {
    measurements.refused(reason)
    guard peer != LocalQueries.identity,
      conduct.refused(source(of: peer, access?.peers[peer]?.key), now: now)
    else { return }
    let text =
      "more than \(PeerConduct.refusedMax) refused messages within "
      + "\(Int(PeerConduct.windowSeconds)) s; not heard for \(Int(PeerConduct.silenceSeconds)) s"
    report(.refused(peer: members[peer]?.name ?? peer.description, reason: text))
    expel(peer, reason: text, now: now)
  }

  /// The allow-list has changed: who is no longer on it goes at once, and members learn whom they may
  /// hear.
  mutating func replaceIdentities(_ list: IdentityList, now: Double) {
    access?.replace(list)
    for (peer, identity) in access?.revoked ?? [] {
      measurements.refused(.key)
      let reason = "the key \(identity.name) was revoked"
      send(.error(WireError(code: .forbidden, text: reason)), to: peer)
      report(.refused(peer: members[peer]?.name ?? identity.name, reason: reason))
      expel(peer, reason: reason, now: now)
    }
    for (peer, assignment) in access?.assignments ?? [:] where members[peer] != nil {
      send(.assignment(withKeys(assignment)), to: peer)
    }
    advance(now: now)
  }

  /// Takes a peer out of everything and ends its connection.
  private mutating func expel(_ peer: PeerIdentity, reason: String, now: Double) {
    if clients.contains(peer) { forgetClient(peer) }
    if members[peer] != nil { lose(peer, reason: reason, now: now) }
    if let key = access?.peers[peer]?.key { actions.append(.cutOff(key)) }
    access?.forget(peer)
  }

  /// Sends an assignment, with the keys of whom the member speaks to.
  mutating func assign(
    _ assignment: Assignment, to peer: PeerIdentity, next: PeerIdentity? = nil
  ) {
    var assignment = assignment
    if let access {
      assignment.nextKey = next.flatMap { access.identity(of: $0)?.key.bytes } ?? []
      assignment = withKeys(assignment)
      self.access?.assignments[peer] = assignment
    }
    send(.assignment(assignment), to: peer)
  }

  private func withKeys(_ assignment: Assignment) -> Assignment {
    var assignment = assignment
    assignment.workerKeys = access?.workerKeys ?? []
    assignment.visionKeys = access?.visionKeys ?? []
    return assignment
  }

  /// Throws `.overloaded` if a client has as many queries under way as one may have, or too many are
  /// being prepared.
  func requireShare(_ client: PeerIdentity) throws(CoordinatorError) {
    guard preparing.count < settings.preparationsMax else {
      throw CoordinatorError(
        .overloaded, "\(preparing.count) queries are being prepared already",
        remedy: "Try again later", retryAfterSeconds: measurements.retryAfterSeconds)
    }
    // The gateway bounds its own clients.
    guard client != LocalQueries.identity else { return }
    let count =
      names.keys.count { $0.client == client } + preparing.keys.count { $0.client == client }
    guard count < settings.queriesPerClientMax else {
      throw CoordinatorError(
        .overloaded, "this client has \(count) queries that are not answered yet",
        remedy: "Wait for their answers, or allow more with --queries-per-client",
        retryAfterSeconds: measurements.retryAfterSeconds)
    }
  }
}
