/// What the operator of a decoder worker or a vision node chooses.

public import Checkpoints
public import Compute
public import Messaging
public import Transfer

/// Settings that both kinds of members have.
public struct MemberSettings: Sendable {
  /// Where the coordinator is.
  public var coordinator: Address
  /// A name for people.
  public var name: String
  /// The model; nil fetches what is needed of the cluster's into `cache`.
  public var checkpoint: Checkpoint?
  /// Where fetched tensors are kept.
  public var cache: TensorCache?
  /// The threads that compute.
  public var team: ThreadTeam
  /// Whether neighbours may be on other machines, without encryption.
  public var isInsecure: Bool
  /// Who it is, and whom it trusts as the coordinator; nil speaks plaintext.
  public var keys: KeyFile?
  /// Called each time that the coordinator takes it in.
  public var onJoined: @Sendable () -> Void

  public init(
    coordinator: Address, name: String, checkpoint: Checkpoint?, cache: TensorCache? = nil,
    team: ThreadTeam = .single, isInsecure: Bool = false, keys: KeyFile? = nil,
    onJoined: @escaping @Sendable () -> Void = {}
  ) {
    self.coordinator = coordinator
    self.name = name
    self.checkpoint = checkpoint
    self.cache = cache
    self.team = team
    self.isInsecure = isInsecure
    self.keys = keys
    self.onJoined = onJoined
  }
}

/// Settings of a decoder worker.
public struct DecoderWorkerSettings: Sendable {
  public var member: MemberSettings
  /// Where it listens for its neighbours.
  public var listen: Address
  /// The host under which its neighbours reach it, where that is not the one it listens on.
  public var advertisedHost: String?
  /// Memory that it may fill with weights and KV blocks, in bytes.
  public var memoryBytes: Int
  /// Its speed in bytes of f32 weights a second; nil is measured.
  public var weightBytesPerSecond: Int?

  public init(
    member: MemberSettings, listen: Address, advertisedHost: String? = nil, memoryBytes: Int,
    weightBytesPerSecond: Int? = nil
  ) {
    self.member = member
    self.listen = listen
    self.advertisedHost = advertisedHost
    self.memoryBytes = memoryBytes
    self.weightBytesPerSecond = weightBytesPerSecond
  }
}

extension DecoderWorkerSettings {
  /// Where others reach an address that this worker listens at.
  func advertised(_ bound: Address) throws -> Address {
    guard let host = advertisedHost else {
      guard !bound.isWildcard else {
        throw WorkerError(
          .configuration, "\(bound) is no single place that neighbours could connect to",
          remedy: "Listen on one address, or name this machine with --advertise HOST")
      }
      return bound
    }
    return try Address(host: host, port: bound.port ?? 0)
  }
}
