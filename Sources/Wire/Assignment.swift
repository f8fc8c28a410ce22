internal import CChatSpotWire

/// What a member is to do from an epoch on. A decoder worker loads the layers and answers Ready.
public struct Assignment: Sendable, Equatable {
  /// The plan's version, 1 first. Messages of older epochs are dropped from now on.
  public var epoch: UInt64
  /// The checkpoint that the plan is for; 32 bytes.
  public var modelDigest: [UInt8]
  /// The place in the pipeline, 0 first. 0 for a member without layers.
  public var stage: Int
  /// How many stages the pipeline has.
  public var stageCount: Int
  /// The first decoder layer of this stage. 0 for a member without layers.
  public var firstLayer: Int
  /// How many decoder layers this stage holds. 0 for a spare (`stageCount` is 0 too) and for a
  /// vision node.
  public var layerCount: Int
  /// Where this stage's results go: the data endpoint of the next stage; empty for the last stage,
  /// which answers the coordinator. For a vision node: the data endpoint of stage 0.
  public var nextEndpoint: String
  /// How many KV blocks the stage allocates.
  public var kvBlockCount: Int
  /// How many token positions a KV block holds.
  public var kvBlockTokens: Int
  /// How activations and image features travel.
  public var activationType: WireDataType
  /// How many images' features stage 0 holds at once. The coordinator asks for no more than that.
  public var featureCredits: Int
  /// The most tokens that a step carries.
  public var stepTokensMax: Int
  /// How the decoder's matrices are held, such as "q8_0"; empty: as they are stored.
  public var weights: String
  /// Only to get ready: the layers are loaded beside those that are held, and what `kvSources` hold is
  /// fetched.
  public var prepares: Bool
  /// The stage keeps a log of what it sends to the next one: a row for each position of its KV
  /// blocks. Not for the last stage.
  public var logs: Bool
  /// What the KV blocks hold of layers that the stage has had, and the image features that it holds,
  /// stays of meaning; so does the log where layers and place are those that the stage has had.
  public var keeps: Bool
  /// What the KV blocks of the plan before hold is kept, for others to ask for, until Settled comes.
  public var gives: Bool
  /// Tensor endpoints of other members, which may hold what this one has to fetch. At most 64.
  public var tensorSources: [String]
  /// The public CURVE keys of who listens at each of `tensorSources`, 32 bytes each; none in a cluster
  /// without keys.
  public var tensorSourceKeys: [[UInt8]]
  /// The public CURVE key of who listens at `nextEndpoint`, 32 bytes; empty in a cluster without
  /// keys.
  public var nextKey: [UInt8]
  /// The public keys of the cluster's workers, 32 bytes each. Steps come from no others,
  /// and tensors go to no others.
  public var workerKeys: [[UInt8]]
  /// The public keys of the cluster's vision nodes. Image features come from no others.
  public var visionKeys: [[UInt8]]
  /// Who holds what KV blocks are to hold of layers that the stage has not had: fetched before Ready is
  /// answered. At most 1024.
  public var kvSources: [KVSource]
  /// The KV blocks that are fetched.
  public var kvBlocks: [Int]
  /// The epoch of the plan under which `kvSources` have filled them; 0 without any.
  public var kvEpoch: UInt64

  /// Takes the fields as they are; `encode` checks them.
  public init(
    epoch: UInt64, modelDigest: [UInt8], stage: Int = 0, stageCount: Int = 0, firstLayer: Int = 0,
    layerCount: Int = 0, nextEndpoint: String = "", kvBlockCount: Int = 0, kvBlockTokens: Int = 0,
    activationType: WireDataType = .f16, featureCredits: Int = 0, stepTokensMax: Int = 0,
    weights: String = "", prepares: Bool = false, logs: Bool = false, keeps: Bool = false,
    gives: Bool = false, nextKey: [UInt8] = [], workerKeys: [[UInt8]] = [],
    visionKeys: [[UInt8]] = [], tensorSources: [String] = [], tensorSourceKeys: [[UInt8]] = [],
    kvSources: [KVSource] = [], kvBlocks: [Int] = [], kvEpoch: UInt64 = 0
  ) {
    self.epoch = epoch
    self.modelDigest = modelDigest
    self.stage = stage
    self.stageCount = stageCount
    self.firstLayer = firstLayer
    self.layerCount = layerCount
    self.nextEndpoint = nextEndpoint
    self.kvBlockCount = kvBlockCount
    self.kvBlockTokens = kvBlockTokens
    self.activationType = activationType
    self.featureCredits = featureCredits
    self.stepTokensMax = stepTokensMax
    self.weights = weights
    self.prepares = prepares
    self.logs = logs
    self.keeps = keeps
    self.gives = gives
    self.tensorSources = tensorSources
    self.tensorSourceKeys = tensorSourceKeys
    self.nextKey = nextKey
    self.workerKeys = workerKeys
    self.visionKeys = visionKeys
    self.kvSources = kvSources
    self.kvBlocks = kvBlocks
    self.kvEpoch = kvEpoch
  }
}

extension Assignment {
  /// The decoder layers of this stage.
  public var layers: Range<Int> { firstLayer..<firstLayer + layerCount }
}

extension Assignment: WireMessage {
  static var messageName: StaticString { "Assignment" }
  static var initialise: Initialiser<Chatspot__V1__Assignment> { chatspot__v1__assignment__init }

  init(reading c: Chatspot__V1__Assignment) throws(WireFault) {
    epoch = c.epoch
    modelDigest = Self.read.bytes(c.model_digest)
    stage = Int(c.stage)
    stageCount = Int(c.stage_count)
    firstLayer = Int(c.first_layer)
    layerCount = Int(c.layer_count)
    nextEndpoint = try Self.read.text(c.next_endpoint, "next_endpoint")
    kvBlockCount = Int(c.kv_block_count)
    kvBlockTokens = Int(c.kv_block_tokens)
    activationType = try Self.read.choice(c.activation_type.rawValue, "activation_type")
    featureCredits = Int(c.feature_credits)
    stepTokensMax = Int(c.step_tokens_max)
    weights = try Self.read.text(c.weights, "weights")
    prepares = c.prepares != 0
    logs = c.logs != 0
    keeps = c.keeps != 0
    gives = c.gives != 0
    tensorSources = try Self.read.texts(
      c.n_tensor_sources, c.tensor_sources, "tensor_sources")
    tensorSourceKeys = Self.read.blobs(c.n_tensor_source_keys, c.tensor_source_keys)
    nextKey = Self.read.bytes(c.next_key)
    workerKeys = Self.read.blobs(c.n_worker_keys, c.worker_keys)
    visionKeys = Self.read.blobs(c.n_vision_keys, c.vision_keys)
    kvSources = try Self.read.messages(c.n_kv_sources, c.kv_sources)
    kvBlocks = Self.read.integers(c.n_kv_blocks, c.kv_blocks)
    kvEpoch = c.kv_epoch
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(epoch, "epoch")
    try check.digest(modelDigest, "model_digest")
    try check.count(stageCount, "stage_count", 0...limits.stages)
    try check.count(stage, "stage")
    try check.count(layerCount, "layer_count", 0...limits.layers)
    try check.count(firstLayer, "first_layer", 0...limits.layers - layerCount)
    try check.endpoint(nextEndpoint, "next_endpoint")
    let holdsLayers = layerCount > 0
    let least = holdsLayers ? 1 : 0
    try check.count(kvBlockCount, "kv_block_count", least...Int(UInt32.max))
    try check.count(kvBlockTokens, "kv_block_tokens", least...limits.blockTokens)
    try check.count(stepTokensMax, "step_tokens_max", least...limits.stepTokens)
    try check.text(weights, "weights", bytesMax: limits.nameBytes)
    try checkKeys(check)
    try check.count(featureCredits, "feature_credits", 0...limits.featureCredits)
    try check.count(tensorSources.count, "tensor_sources", 0...limits.tensorSources)
    for source in tensorSources {
      try check.endpoint(source, "tensor_sources")
      try check.that(!source.isEmpty, "tensor_sources", "holds an empty endpoint")
    }
    for key in tensorSourceKeys { try check.digest(key, "tensor_source_keys") }
    try check.that(
      tensorSourceKeys.isEmpty || tensorSourceKeys.count == tensorSources.count,
      "tensor_source_keys",
      "are \(tensorSourceKeys.count) for \(tensorSources.count) sources")
    try checkKVSources(check, limits)
    guard holdsLayers else {
      try check.that(stage == 0, "stage", "is \(stage) without layers")
      try check.that(firstLayer == 0, "first_layer", "is \(firstLayer) without layers")
      try check.that(!logs, "logs", "is set without layers")
      try check.that(!keeps, "keeps", "is set without layers")
      return
    }
    try check.that(!(prepares && keeps), "keeps", "is set beside prepares")
    try check.that(!(prepares && gives), "gives", "is set beside prepares")
    try check.that(stage < stageCount, "stage", "is \(stage) of \(stageCount)")
    let isLast = stage == stageCount - 1
    try check.that(!(isLast && logs), "logs", "is set at the last stage")
    try check.that(
      nextEndpoint.isEmpty == isLast, "next_endpoint",
      isLast ? "is given to the last stage" : "is empty before the last stage")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Assignment>, _ arena: PackArena) {
    c.pointee.epoch = epoch
    arena.lend(modelDigest) { c.pointee.model_digest = $0 }
    c.pointee.stage = UInt32(clamping: stage)
    c.pointee.stage_count = UInt32(clamping: stageCount)
    c.pointee.first_layer = UInt32(clamping: firstLayer)
    c.pointee.layer_count = UInt32(clamping: layerCount)
    c.pointee.next_endpoint = arena.text(nextEndpoint)
    c.pointee.kv_block_count = UInt32(clamping: kvBlockCount)
    c.pointee.kv_block_tokens = UInt32(clamping: kvBlockTokens)
    c.pointee.activation_type = Chatspot__V1__DataType(rawValue: activationType.rawValue)
    c.pointee.feature_credits = UInt32(clamping: featureCredits)
    c.pointee.step_tokens_max = UInt32(clamping: stepTokensMax)
    c.pointee.weights = arena.text(weights)
    c.pointee.prepares = prepares ? 1 : 0
    c.pointee.logs = logs ? 1 : 0
    c.pointee.keeps = keeps ? 1 : 0
    c.pointee.gives = gives ? 1 : 0
    (c.pointee.n_tensor_sources, c.pointee.tensor_sources) = arena.texts(tensorSources)
    (c.pointee.n_tensor_source_keys, c.pointee.tensor_source_keys) = arena.array(
      tensorSourceKeys.lazy.map { arena.copy($0) })
    arena.lend(nextKey) { c.pointee.next_key = $0 }
    (c.pointee.n_worker_keys, c.pointee.worker_keys) = arena.array(
      workerKeys.lazy.map { arena.copy($0) })
    (c.pointee.n_vision_keys, c.pointee.vision_keys) = arena.array(
      visionKeys.lazy.map { arena.copy($0) })
    (c.pointee.n_kv_sources, c.pointee.kv_sources) = arena.messages(kvSources)
    (c.pointee.n_kv_blocks, c.pointee.kv_blocks) = arena.integers(kvBlocks)
    c.pointee.kv_epoch = kvEpoch
  }

  private func checkKVSources(_ check: FieldCheck, _ limits: WireLimits) throws(WireFault) {
    try check.count(kvSources.count, "kv_sources", 0...limits.stages)
    try check.count(kvBlocks.count, "kv_blocks", 0...limits.assignedBlocks)
    var fetched: Set<Int> = []
    for source in kvSources {
      try source.validate(limits)
      try check.that(
        source.layers.clamped(to: layers) == source.layers, "kv_sources",
        "name layers that are not the stage's")
      for layer in source.layers {
        try check.that(fetched.insert(layer).inserted, "kv_sources", "name layer \(layer) twice")
      }
    }
    try check.that(
      kvSources.isEmpty == kvBlocks.isEmpty, "kv_blocks",
      kvBlocks.isEmpty ? "are missing beside kv_sources" : "are given without kv_sources")
    try check.that(
      kvSources.isEmpty == (kvEpoch == 0), "kv_epoch",
      kvEpoch == 0 ? "is 0 beside kv_sources" : "is given without kv_sources")
    for block in kvBlocks {
      try check.that(
        block >= 0 && block < kvBlockCount, "kv_blocks", "name \(block) of \(kvBlockCount)")
    }
    try check.unique(kvBlocks, "kv_blocks")
  }

  private func checkKeys(_ check: FieldCheck) throws(WireFault) {
    if !nextKey.isEmpty {
      try check.digest(nextKey, "next_key")
      try check.that(!nextEndpoint.isEmpty, "next_key", "is given without next_endpoint")
    }
    try check.count(workerKeys.count, "worker_keys", 0...check.limits.memberKeys)
    try check.count(visionKeys.count, "vision_keys", 0...check.limits.memberKeys)
    for key in workerKeys { try check.digest(key, "worker_keys") }
    for key in visionKeys { try check.digest(key, "vision_keys") }
    try check.unique(workerKeys, "worker_keys")
    try check.unique(visionKeys, "vision_keys")
  }
}
