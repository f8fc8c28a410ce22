/// Who may send to a decoder worker, where the cluster has keys.

internal import Messaging
internal import Wire

/// The keys of the cluster's workers and vision nodes, as the coordinator tells them. Before its
/// first assignment a worker takes data from nobody.
final class Neighbours {
  /// Whoever comes before the coordinator has told of it comes again.
  private let allowed = AllowList(refusesForGood: false)
  /// The workers' keys; they get tensors too. Empty in a cluster without keys.
  private(set) var workers: Set<PublicKey> = []
  private var visionNodes: Set<PublicKey> = []
  private var hasKeys = false

  /// How the socket for neighbours is secured.
  func security(with keys: KeyFile?) -> SocketSecurity {
    guard let keys else { return .none }
    hasKeys = true
    return .server(keys.pair, allowed)
  }

  /// Takes over the keys of an assignment.
  func allow(_ assignment: Assignment) {
    guard hasKeys else { return }
    workers = Set(assignment.workerKeys.compactMap { try? PublicKey(bytes: $0) })
    visionNodes = Set(assignment.visionKeys.compactMap { try? PublicKey(bytes: $0) })
    allowed.replace(workers.union(visionNodes))
  }

  /// Whether the sender's role is to send such a message.
  func permits(_ message: Message, from sender: PublicKey?) -> Bool {
    guard hasKeys else { return true }
    guard let sender else { return false }
    switch message {
    case .imageFeatures: return visionNodes.contains(sender)
    default: return workers.contains(sender)
    }
  }

  /// Whether there is nothing to do for an assignment after another: it is the same but for the keys
  /// of the cluster.
  func differOnlyInKeys(_ one: Assignment, _ other: Assignment) -> Bool {
    var same = one
    same.workerKeys = other.workerKeys
    same.visionKeys = other.visionKeys
    return same == other
  }
}
