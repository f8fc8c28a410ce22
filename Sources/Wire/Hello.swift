internal import CChatSpotWire

/// The first message of every process that connects to the coordinator. Repeated until a Welcome or
/// an Error answers it, so a process may start before the coordinator.
public struct Hello: Sendable, Equatable {
  /// The version of this protocol that the sender speaks. The coordinator refuses any but its own
  /// with `WireError.Code.protocolVersion`. Of a Hello of another version only this is read and
  /// written; the other fields have their defaults.
  public var protocolVersion: Int
  /// What the sender is. Of no meaning unless `speaksOurVersion`.
  public var role: Role
  /// A name for people, such as "worker-1"; shown in logs and reports. At most 128 bytes.
  public var name: String
  /// SHA-256 that identifies the checkpoint that the sender has on disk; 32 bytes. Empty for a
  /// client, and for a member that fetches its tensors.
  public var modelDigest: [UInt8]
  /// Where the sender's neighbours reach it, as "tcp://host:port", in printable ASCII. Only for a
  /// decoder worker. At most 256 bytes.
  public var dataEndpoint: String
  /// Memory that the sender may fill with weights and KV blocks, in bytes. Only for a decoder
  /// worker.
  public var memoryBytes: Int
  /// How fast the sender multiplies a matrix by one row, in bytes of f32 weights read a second, as
  /// measured by the sender at its start. Only for a decoder worker.
  public var weightBytesPerSecond: Int
  /// The sender's process id on its host, for reports.
  public var processID: UInt64
  /// The sender has no checkpoint: it fetches the tensors that it is assigned, from whoever holds
  /// them.
  public var fetches: Bool
  /// Where others get the tensors that the sender holds, as "tcp://host:port", in printable ASCII;
  /// empty: nowhere. At most 256 bytes.
  public var tensorEndpoint: String

  /// Whether the sender speaks this protocol version. If not, nothing but `protocolVersion` was
  /// read.
  public var speaksOurVersion: Bool { protocolVersion == Wire.protocolVersion }

  /// Takes the fields as they are; `encode` checks them.
  public init(
    protocolVersion: Int = Wire.protocolVersion, role: Role, name: String = "",
    modelDigest: [UInt8] = [], dataEndpoint: String = "", memoryBytes: Int = 0,
    weightBytesPerSecond: Int = 0, processID: UInt64 = 0, fetches: Bool = false,
    tensorEndpoint: String = ""
  ) {
    self.protocolVersion = protocolVersion
    self.role = role
    self.name = name
    self.modelDigest = modelDigest
    self.dataEndpoint = dataEndpoint
    self.memoryBytes = memoryBytes
    self.weightBytesPerSecond = weightBytesPerSecond
    self.processID = processID
    self.fetches = fetches
    self.tensorEndpoint = tensorEndpoint
  }
}

extension Hello: WireMessage {
  static var messageName: StaticString { "Hello" }
  static var initialise: Initialiser<Chatspot__V1__Hello> { chatspot__v1__hello__init }

  init(reading c: Chatspot__V1__Hello) throws(WireFault) {
    guard Int(c.protocol_version) == Wire.protocolVersion else {
      self = Hello(protocolVersion: Int(c.protocol_version), role: .client)
      return
    }
    protocolVersion = Int(c.protocol_version)
    role = try Self.read.choice(c.role.rawValue, "role")
    name = try Self.read.text(c.name, "name")
    modelDigest = Self.read.bytes(c.model_digest)
    dataEndpoint = try Self.read.text(c.data_endpoint, "data_endpoint")
    memoryBytes = try Self.read.integer(c.memory_bytes, "memory_bytes")
    weightBytesPerSecond = try Self.read.integer(
      c.weight_bytes_per_second, "weight_bytes_per_second")
    processID = c.process_id
    fetches = c.fetches != 0
    tensorEndpoint = try Self.read.text(c.tensor_endpoint, "tensor_endpoint")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(protocolVersion, "protocol_version")
    guard speaksOurVersion else { return }
    try check.text(name, "name", bytesMax: limits.nameBytes)
    try check.endpoint(tensorEndpoint, "tensor_endpoint")
    if role == .client {
      try check.that(modelDigest.isEmpty, "model_digest", "is given by a client")
      try check.that(!fetches, "fetches", "is set by a client")
      try check.that(tensorEndpoint.isEmpty, "tensor_endpoint", "is given by a client")
    } else if fetches {
      try check.that(modelDigest.isEmpty, "model_digest", "is given by a member that fetches")
    } else {
      try check.digest(modelDigest, "model_digest")
    }
    try check.endpoint(dataEndpoint, "data_endpoint")
    try check.count(memoryBytes, "memory_bytes", 0...Int.max)
    try check.count(weightBytesPerSecond, "weight_bytes_per_second", 0...Int.max)
    let worker = role == .decoderWorker
    try check.that(dataEndpoint.isEmpty != worker, "data_endpoint", worker ? "is empty" : only)
    try check.that((memoryBytes == 0) != worker, "memory_bytes", worker ? "is 0" : only)
    try check.that(
      (weightBytesPerSecond == 0) != worker, "weight_bytes_per_second", worker ? "is 0" : only)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Hello>, _ arena: PackArena) {
    c.pointee.protocol_version = UInt32(clamping: protocolVersion)
    guard speaksOurVersion else { return }
    c.pointee.role = Chatspot__V1__Role(rawValue: role.rawValue)
    c.pointee.name = arena.text(name)
    arena.lend(modelDigest) { c.pointee.model_digest = $0 }
    c.pointee.data_endpoint = arena.text(dataEndpoint)
    c.pointee.memory_bytes = UInt64(clamping: memoryBytes)
    c.pointee.weight_bytes_per_second = UInt64(clamping: weightBytesPerSecond)
    c.pointee.process_id = processID
    c.pointee.fetches = fetches ? 1 : 0
    c.pointee.tensor_endpoint = arena.text(tensorEndpoint)
  }
}

/// What is wrong with a field that another role gives.
private let only = "is given, which only a decoder worker does"
