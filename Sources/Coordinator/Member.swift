/// A process that has joined the cluster.

internal import Messaging
internal import Wire

/// A decoder worker or vision node as the coordinator knows it.
struct Member: Sendable {
  let peer: PeerIdentity
  let role: Role
  let name: String
  let processID: UInt64
  /// Where neighbours reach a decoder worker.
  let endpoint: String
  /// Whether it has no checkpoint of its own.
  let fetches: Bool
  /// Where others get its tensors; empty: nowhere.
  let tensorEndpoint: String
  let capacity: WorkerCapacity
  /// When it was last heard of, in seconds.
  var lastHeard: Double
  /// When it last answered a heartbeat, in seconds: it hears the coordinator.
  var lastEcho: Double
  /// When it joined, in seconds.
  let joined: Double
  var clock = MemberClock()
  var load = MemberLoad()
  var refusals = MemberRefusals()

  init(_ hello: Hello, peer: PeerIdentity, now: Double) {
    self.peer = peer
    role = hello.role
    name = hello.name.isEmpty ? peer.description : hello.name
    processID = hello.processID
    endpoint = hello.dataEndpoint
    fetches = hello.fetches
    tensorEndpoint = hello.tensorEndpoint
    capacity = WorkerCapacity(
      bytesPerSecond: max(1, hello.weightBytesPerSecond), memoryBytes: hello.memoryBytes)
    lastHeard = now
    lastEcho = now
    joined = now
  }
}
