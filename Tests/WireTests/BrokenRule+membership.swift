/// Rules of joining, assignments and tensors, each broken once.

import Wire

extension BrokenRule {
  static let long = String(repeating: "n", count: 129)

  static let membership: [BrokenRule] = [
    BrokenRule("Hello.protocol_version is -1", Whole.hello, Message.hello) {
      $0.protocolVersion = -1
    },
    BrokenRule("Hello.name is 129 bytes", Whole.hello, Message.hello) { $0.name = long },
    BrokenRule("Hello.name contains a zero", Whole.hello, Message.hello) { $0.name = "a\0b" },
    BrokenRule("Hello.model_digest is 31", Whole.hello, Message.hello) {
      $0.modelDigest.removeLast()
    },
    BrokenRule("Hello.model_digest is given", Whole.client, Message.hello) {
      $0.modelDigest = Whole.digest
    },
    BrokenRule("Hello.data_endpoint is empty", Whole.hello, Message.hello) { $0.dataEndpoint = "" },
    BrokenRule("Hello.data_endpoint is given", Whole.client, Message.hello) {
      $0.dataEndpoint = "x"
    },
    BrokenRule("Hello.data_endpoint contains a space", Whole.hello, Message.hello) {
      $0.dataEndpoint = "tcp://a b:1"
    },
    BrokenRule("Hello.data_endpoint is 257 bytes", Whole.hello, Message.hello) {
      $0.dataEndpoint = String(repeating: "x", count: 257)
    },
    BrokenRule("Hello.memory_bytes is 0", Whole.hello, Message.hello) { $0.memoryBytes = 0 },
    BrokenRule("Hello.memory_bytes is -5", Whole.hello, Message.hello) { $0.memoryBytes = -5 },
    BrokenRule("Hello.weight_bytes_per_second is 0", Whole.hello, Message.hello) {
      $0.weightBytesPerSecond = 0
    },
    BrokenRule("Welcome.protocol_version is 1", Whole.welcome, Message.welcome) {
      $0.protocolVersion = 1
    },
    BrokenRule("Welcome.heartbeat_interval_milliseconds is 0", Whole.welcome, Message.welcome) {
      $0.heartbeatIntervalMilliseconds = 0
    },
    BrokenRule("Welcome.heartbeat_timeout_milliseconds is 100", Whole.welcome, Message.welcome) {
      $0.heartbeatTimeoutMilliseconds = 100
    },
    BrokenRule("Assignment.epoch is 0", Whole.assignment, Message.assignment) { $0.epoch = 0 },
    BrokenRule("Assignment.model_digest is 0", Whole.assignment, Message.assignment) {
      $0.modelDigest = []
    },
    BrokenRule("Assignment.stage is 2 of 2", Whole.assignment, Message.assignment) { $0.stage = 2 },
    BrokenRule("Assignment.stage is 0 of 0", Whole.assignment, Message.assignment) {
      $0.stageCount = 0
    },
    BrokenRule("Assignment.stage_count is 1025", Whole.assignment, Message.assignment) {
      $0.stageCount = 1025
    },
    BrokenRule("Assignment.first_layer is 4095", Whole.assignment, Message.assignment) {
      $0.firstLayer = 4095
    },
    BrokenRule("Assignment.kv_block_count is 0", Whole.assignment, Message.assignment) {
      $0.kvBlockCount = 0
    },
    BrokenRule("Assignment.kv_block_tokens is 0", Whole.assignment, Message.assignment) {
      $0.kvBlockTokens = 0
    },
    BrokenRule("Assignment.step_tokens_max is 65537", Whole.assignment, Message.assignment) {
      $0.stepTokensMax = 65537
    },
    BrokenRule("Assignment.next_endpoint is empty", Whole.assignment, Message.assignment) {
      $0.nextEndpoint = ""
    },
    BrokenRule("Assignment.next_endpoint is given", Whole.assignment, Message.assignment) {
      $0.stage = 1
    },
    BrokenRule("Assignment.next_key is 31", Whole.assignment, Message.assignment) {
      $0.nextKey = Array(repeating: 1, count: 31)
    },
    BrokenRule("Assignment.worker_keys is 33", Whole.assignment, Message.assignment) {
      $0.workerKeys = [Array(repeating: 1, count: 33)]
    },
    BrokenRule("Assignment.vision_keys name", Whole.assignment, Message.assignment) {
      $0.visionKeys = [Array(repeating: 1, count: 32), Array(repeating: 1, count: 32)]
    },
    BrokenRule("Assignment.first_layer is 3 without", Whole.assignment, Message.assignment) {
      $0.layerCount = 0
      $0.firstLayer = 3
    },
    BrokenRule("Assignment.kv_sources name layers", Whole.moving, Message.assignment) {
      $0.kvSources[0].firstLayer = 2
    },
    BrokenRule("Assignment.kv_sources name layer 1 twice", Whole.moving, Message.assignment) {
      $0.kvSources.append($0.kvSources[0])
    },
    BrokenRule("Assignment.kv_blocks are missing", Whole.moving, Message.assignment) {
      $0.kvBlocks = []
    },
    BrokenRule("Assignment.kv_blocks are given without", Whole.moving, Message.assignment) {
      $0.kvSources = []
    },
    BrokenRule("Assignment.kv_blocks name 8 of 8", Whole.moving, Message.assignment) {
      $0.kvBlocks = [8]
    },
    BrokenRule("Assignment.kv_blocks name 7 twice", Whole.moving, Message.assignment) {
      $0.kvBlocks = [7, 7]
    },
    BrokenRule("Assignment.kv_epoch is 0", Whole.moving, Message.assignment) { $0.kvEpoch = 0 },
    BrokenRule("Assignment.gives is set beside prepares", Whole.assignment, Message.assignment) {
      $0.prepares = true
      $0.gives = true
    },
    BrokenRule("KVSource.layer_count is 0", Whole.moving, Message.assignment) {
      $0.kvSources[0].layerCount = 0
    },
    BrokenRule("KVSource.endpoint is empty", Whole.moving, Message.assignment) {
      $0.kvSources[0].endpoint = ""
    },
    BrokenRule("KVSource.key is 31", Whole.moving, Message.assignment) {
      $0.kvSources[0].key.removeLast()
    },
    BrokenRule("Settled.epoch is 0", Settled(epoch: 0), Message.settled) { _ in },
    BrokenRule("KVRequest.epoch is 0", Whole.kvRequest, Message.kvRequest) { $0.epoch = 0 },
    BrokenRule("KVRequest.layer is 4096", Whole.kvRequest, Message.kvRequest) { $0.layer = 4096 },
    BrokenRule("KVRequest.blocks is 0", Whole.kvRequest, Message.kvRequest) { $0.blocks = [] },
    BrokenRule("KVRequest.blocks is 4097", Whole.kvRequest, Message.kvRequest) {
      $0.blocks = Array(0...4096)
    },
    BrokenRule("KVContents.refusal is empty", Whole.kvContents, Message.kvContents) {
      $0.data = []
    },
    BrokenRule("KVContents.refusal comes with data", Whole.kvContents, Message.kvContents) {
      $0.refusal = "no"
    },
    BrokenRule("KVContents.data is 3 bytes for 2", Whole.kvContents, Message.kvContents) {
      $0.data.removeLast()
    },
    BrokenRule("KVContents.data is 4194306", Whole.kvContents, Message.kvContents) {
      $0.data = Array(repeating: 0, count: 4 << 20 + 2)
    },
    BrokenRule("Ready.epoch is 0", Ready(epoch: 0), Message.ready) { _ in },
    BrokenRule("Ready.kv_bytes is -1", Ready(epoch: 1), Message.ready) { $0.kvBytes = -1 },
    BrokenRule("Ready.load_seconds is nan", Ready(epoch: 1), Message.ready) {
      $0.loadSeconds = .nan
    },
    BrokenRule("Heartbeat.completed is -1", Heartbeat(), Message.heartbeat) { $0.completed = -1 },
    BrokenRule("Heartbeat.refused_keys is -1", Heartbeat(), Message.heartbeat) {
      $0.refusedKeys = -1
    },
    BrokenRule("Heartbeat.busy_seconds is -1.0", Heartbeat(), Message.heartbeat) {
      $0.busySeconds = -1
    },
    BrokenRule("Goodbye.reason is 1048577", Goodbye(reason: ""), Message.goodbye) {
      $0.reason = String(repeating: "x", count: 1 << 20 + 1)
    },
    BrokenRule("Error.epoch is 0", WireError(code: .lost, text: "x", epoch: 0), Message.error) {
      _ in
    },
  ]

  static let transfer: [BrokenRule] = [
    BrokenRule("Hello.model_digest is given by a member", Whole.fetching, Message.hello) {
      $0.modelDigest = Whole.digest
    },
    BrokenRule("Hello.fetches is set", Whole.client, Message.hello) { $0.fetches = true },
    BrokenRule("Hello.tensor_endpoint is given", Whole.client, Message.hello) {
      $0.tensorEndpoint = "x"
    },
    BrokenRule("Hello.tensor_endpoint contains", Whole.hello, Message.hello) {
      $0.tensorEndpoint = "tcp://a b:1"
    },
    BrokenRule("Welcome.tensor_port is 65536", Whole.welcome, Message.welcome) {
      $0.tensorPort = 65_536
    },
    BrokenRule("Assignment.logs is set at the last", Whole.assignment, Message.assignment) {
      ($0.stage, $0.stageCount, $0.nextEndpoint, $0.nextKey, $0.logs) = (0, 1, "", [], true)
    },
    BrokenRule("Assignment.keeps is set beside", Whole.assignment, Message.assignment) {
      ($0.prepares, $0.keeps) = (true, true)
    },
    BrokenRule("Assignment.tensor_sources is 65", Whole.assignment, Message.assignment) {
      $0.tensorSources = (0..<65).map { "tcp://a:\($0)" }
    },
    BrokenRule("Assignment.tensor_sources holds", Whole.assignment, Message.assignment) {
      $0.tensorSources = [""]
    },
    BrokenRule("Assignment.tensor_source_keys are 1 for 2", Whole.assignment, Message.assignment) {
      $0.tensorSources = ["tcp://a:1", "tcp://a:2"]
      $0.tensorSourceKeys = [Whole.digest]
    },
    BrokenRule("Assignment.tensor_source_keys is 31", Whole.assignment, Message.assignment) {
      $0.tensorSources = ["tcp://a:1"]
      $0.tensorSourceKeys = [Array(repeating: 1, count: 31)]
    },
    BrokenRule(
      "ManifestRequest.model_digest is 0", ManifestRequest(modelDigest: []),
      Message.manifestRequest
    ) { _ in },
    BrokenRule(
      "ManifestRequest.part is 257", ManifestRequest(modelDigest: Whole.digest),
      Message.manifestRequest
    ) { $0.part = String(repeating: "x", count: 257) },
    BrokenRule("Manifest.files are given for", Whole.files, Message.manifest) { $0.part = "a" },
    BrokenRule("Manifest.files is 17", Whole.files, Message.manifest) {
      $0.files = (0..<17).map { ManifestFile(name: "\($0)", content: []) }
    },
    BrokenRule("Manifest.files name f twice", Whole.files, Message.manifest) {
      $0.files += $0.files
    },
    BrokenRule("ManifestFile.name is no name", Whole.files, Message.manifest) {
      $0.files[0].name = "../f"
    },
    BrokenRule("ManifestFile.content is 1048577", Whole.files, Message.manifest) {
      $0.files[0].content = [UInt8](repeating: 0, count: 1 << 20 + 1)
    },
    BrokenRule("Manifest.tensors are given without", Whole.manifest, Message.manifest) {
      $0.part = ""
    },
    BrokenRule("Manifest.tensors name a twice", Whole.manifest, Message.manifest) {
      $0.tensors += $0.tensors
    },
    BrokenRule("ManifestTensor.name is empty", Whole.manifest, Message.manifest) {
      $0.tensors[0].name = ""
    },
    BrokenRule("ManifestTensor.format is empty", Whole.manifest, Message.manifest) {
      $0.tensors[0].format = ""
    },
    BrokenRule("ManifestTensor.interleaved_head_rows is given", Whole.manifest, Message.manifest) {
      $0.tensors[0].encoding = ""
      $0.tensors[0].interleavedHeadRows = 2
    },
    BrokenRule("ManifestTensor.shape is 9", Whole.manifest, Message.manifest) {
      $0.tensors[0].shape = Array(repeating: 1, count: 9)
    },
    BrokenRule("ManifestTensor.byte_count is", Whole.manifest, Message.manifest) {
      $0.tensors[0].byteCount = 1 << 40 + 1
    },
    BrokenRule("ManifestTensor.digest is 1", Whole.manifest, Message.manifest) {
      $0.tensors[0].digest = [1]
    },
    BrokenRule("TensorRequest.length is 0", Whole.request, Message.tensorRequest) {
      $0.length = 0
    },
    BrokenRule("TensorRequest.length is 4194305", Whole.request, Message.tensorRequest) {
      $0.length = 4 << 20 + 1
    },
    BrokenRule("TensorRequest.offset is", Whole.request, Message.tensorRequest) {
      $0.offset = 1 << 40 + 1
    },
    BrokenRule("TensorRequest.name is empty", Whole.request, Message.tensorRequest) {
      $0.name = ""
    },
    BrokenRule("TensorChunk.refusal comes with data", Whole.chunk, Message.tensorChunk) {
      $0.refusal = "x"
    },
    BrokenRule("TensorChunk.refusal is empty", Whole.chunk, Message.tensorChunk) { $0.data = [] },
    BrokenRule("TensorChunk.data is 4194305", Whole.chunk, Message.tensorChunk) {
      $0.data = [UInt8](repeating: 0, count: 4 << 20 + 1)
    },
  ]
}
