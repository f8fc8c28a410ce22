/// Who is who in a cluster with keys.

internal import Messaging
internal import Wire

/// The allow-list, and which key was authenticated on which connection.
struct Access: Sendable {
  private(set) var identities: [PublicKey: Identity] = [:]
  /// Keys of members that send to each other, as they stand in assignments.
  private(set) var workerKeys: [[UInt8]] = []
  private(set) var visionKeys: [[UInt8]] = []
  /// The key that was authenticated for a peer, and what its owner was then.
  private(set) var peers: [PeerIdentity: Identity] = [:]
  /// What each member was told last.
  var assignments: [PeerIdentity: Assignment] = [:]

  /// Connections that are remembered; the oldest of nobody in particular are forgotten.
  private static let peersMax = 20_000

  init(_ list: IdentityList) { replace(list) }

  mutating func replace(_ list: IdentityList) {
    identities = Dictionary(list.identities.map { ($0.key, $0) }) { first, _ in first }
    func keys(_ role: IdentityRole) -> [[UInt8]] {
      list.identities.filter { $0.role == role }.map(\.key.bytes)
    }
    workerKeys = keys(.worker)
    visionKeys = keys(.vision)
  }

  /// Whether the peer is known as the owner of the key, which is still what it was.
  func knows(_ key: PublicKey, of peer: PeerIdentity) -> Bool {
    guard let known = peers[peer] else { return false }
    return known.key == key && identities[key] == known
  }

  /// A first message of a key's owner has come from a peer. False if the peer is somebody else's, or the
  /// key is nobody's.
  mutating func note(_ key: PublicKey, of peer: PeerIdentity, keeping: Set<PeerIdentity>) -> Bool {
    guard peers[peer] == nil, let identity = identities[key] else { return false }
    if peers.count >= Self.peersMax { peers = peers.filter { keeping.contains($0.key) } }
    peers[peer] = identity
    return true
  }

  /// Who a peer is, while its key is on the list with the same role.
  func identity(of peer: PeerIdentity) -> Identity? {
    guard let known = peers[peer], identities[known.key] == known else { return nil }
    return known
  }

  /// Peers that are no longer who they were: their key was revoked, or has another role now.
  var revoked: [(peer: PeerIdentity, identity: Identity)] {
    peers.filter { identities[$0.value.key] != $0.value }.map { ($0.key, $0.value) }
  }

  mutating func forget(_ peer: PeerIdentity) {
    peers[peer] = nil
    assignments[peer] = nil
  }
}

extension IdentityRole {
  /// What the key of a role is for on the wire; nil for the coordinator's, which joins nobody.
  var wireRole: Role? {
    switch self {
    case .coordinator: nil
    case .worker: .decoderWorker
    case .vision: .visionNode
    case .client: .client
    }
  }
}

extension Role {
  /// For people.
  var name: String {
    switch self {
    case .decoderWorker: "decoder worker"
    case .visionNode: "vision node"
    case .client: "client"
    }
  }
}
