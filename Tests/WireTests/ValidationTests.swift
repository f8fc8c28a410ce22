import Testing
import Wire

/// Messages that keep every rule, to be broken one field at a time.
private enum Whole {
  static let digest = [UInt8](repeating: 7, count: 32)
  static let hello = Hello(
    role: .decoderWorker, name: "worker-1", modelDigest: digest, dataEndpoint: "tcp://a:1",
    memoryBytes: 1, weightBytesPerSecond: 1)
  static let client = Hello(role: .client)
  static let welcome = Welcome(
    heartbeatIntervalMilliseconds: 100, heartbeatTimeoutMilliseconds: 500)
  static let assignment = Assignment(
    epoch: 1, modelDigest: digest, stage: 0, stageCount: 2, firstLayer: 0, layerCount: 2,
    nextEndpoint: "tcp://b:2", kvBlockCount: 8, kvBlockTokens: 16, stepTokensMax: 256)
  static let geometry = WireImageGeometry(
    fit: .stretch, originalWidth: 640, originalHeight: 480, side: 112, shortestEdge: 112)
  static let encodeImage = EncodeImage(
    epoch: 1, image: 1, fileDigest: digest, file: [1], geometry: geometry)
  static let tensor = WireTensor(type: .f16, shape: [2, 3], data: [UInt8](repeating: 0, count: 12))
  static let features = ImageFeatures(epoch: 1, image: 1, features: tensor)
  static let ready = FeaturesReady(epoch: 1, image: 1, rows: 64)
  static let span = WireSpan(
    sequence: 1, firstPosition: 0, tokenCount: 2, tokenIDs: [1, 2], kvBlocks: [0],
    sampling: .greedy, splices: [Splice(image: 1, rowCount: 1)])
  static let step = Step(epoch: 1, number: 1, spans: [span])
  static let later = Step(
    epoch: 1, number: 1,
    spans: [WireSpan(sequence: 1, firstPosition: 0, tokenCount: 2, kvBlocks: [0])],
    activations: tensor)
  static let tokens = Tokens(
    epoch: 1, number: 1, tokens: [SampledToken(sequence: 1, position: 5, tokenID: 9)],
    timings: [StageTiming(stage: 0)])
  static let region = WireRegion(kind: .box, coordinates: [1, 2, 3, 4])
  static let turn = WireTurn(speaker: .user, text: "what?", regions: [region], images: [0])
  static let query = ReferringQueryMessage(query: 1, images: [[1]], turns: [turn])
  static let raw = ReferringQueryMessage(query: 1, prompt: .text("a"))
  static let text = AnswerText(
    query: 1, text: "a",
    tokens: [
      AnswerToken(
        id: 1, bytes: [97], logProbability: -1,
        likeliest: [TokenLikelihood(id: 2, bytes: [98], logProbability: -2)])
    ])
  static let answer = Answer(
    query: 1, text: "a cat", finishReason: .stop,
    regions: [AnswerRegion(region: region, text: "[0,0,1,1]")], promptTokens: 2, imageTokens: 1,
    processes: [ProcessReport(name: "worker-1", work: "decodes")])

  static let manifestTensor = ManifestTensor(
    name: "a", format: "f32", encoding: "f32", shape: [2], byteCount: 8, digest: digest)
  static let manifest = Manifest(modelDigest: digest, part: "a", tensors: [manifestTensor])
  static let files = Manifest(modelDigest: digest, files: [ManifestFile(name: "f", content: [1])])
  static let request = TensorRequest(modelDigest: digest, name: "a", offset: 0, length: 1)
  static let chunk = TensorChunk(name: "a", offset: 0, data: [1])
  static let fetching = Hello(role: .visionNode, fetches: true)

  static let all: [Message] = [
    .hello(fetching), .manifest(manifest), .manifest(files), .tensorRequest(request),
    .tensorChunk(chunk),
    .hello(hello), .hello(client), .welcome(welcome), .assignment(assignment),
    .encodeImage(encodeImage), .imageFeatures(features), .featuresReady(ready), .step(step),
    .step(later), .tokens(tokens), .referringQuery(query), .referringQuery(raw), .answerText(text),
    .answer(answer),
  ]
}

/// A message that breaks one rule, and what must be said about it.
struct BrokenRule: Sendable, CustomTestStringConvertible {
  var message: Message
  var cause: String
  var testDescription: String { cause }

  init<Body>(
    _ cause: String, _ whole: Body, _ wrap: (Body) -> Message, _ breaking: (inout Body) -> Void
  ) {
    var body = whole
    breaking(&body)
    message = wrap(body)
    self.cause = cause
  }
}

@Suite("Every rule of the protocol refuses what breaks it")
struct ValidationTests {
  @Test("the whole messages are let in", arguments: Whole.all)
  func wholeMessages(message: Message) throws {
    #expect(try decode(encode(message)) == message)
  }

  @Test(
    "refuses, and names the field and the value",
    arguments: membership + transfer + images + steps + queries + answers)
  func refuses(rule: BrokenRule) {
    let fault = #expect(throws: WireFault.self) { try encode(rule.message) }
    #expect(fault?.code == .invalid || fault?.code == .tooLarge)
    #expect(fault?.message.hasPrefix(rule.cause) == true, "\(fault?.message ?? "")")
  }

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

  static let images: [BrokenRule] = [
    BrokenRule("EncodeImage.epoch is 0", Whole.encodeImage, Message.encodeImage) { $0.epoch = 0 },
    BrokenRule("EncodeImage.image is 0", Whole.encodeImage, Message.encodeImage) { $0.image = 0 },
    BrokenRule("EncodeImage.file_digest is 1 b", Whole.encodeImage, Message.encodeImage) {
      $0.fileDigest = [1]
    },
    BrokenRule("EncodeImage.file is 0", Whole.encodeImage, Message.encodeImage) { $0.file = [] },
    BrokenRule("EncodeImage.file is 67108865", Whole.encodeImage, Message.encodeImage) {
      $0.file = [UInt8](repeating: 0, count: 64 << 20 + 1)
    },
    BrokenRule("ImageGeometry.original_width is 0", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.originalWidth = 0
    },
    BrokenRule("ImageGeometry.original_height is 65536", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.originalHeight = 65536
    },
    BrokenRule("ImageGeometry.side is 0", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.side = 0
    },
    BrokenRule("ImageGeometry.shortest_edge is 128", Whole.encodeImage, Message.encodeImage) {
      $0.geometry.shortestEdge = 128
    },
    BrokenRule("ImageFeatures.features has the shape [6]", Whole.features, Message.imageFeatures) {
      $0.features.shape = [6]
    },
    BrokenRule("ImageFeatures.decode_seconds is inf", Whole.features, Message.imageFeatures) {
      $0.decodeSeconds = .infinity
    },
    BrokenRule("Tensor.data is 11 bytes", Whole.features, Message.imageFeatures) {
      $0.features.data.removeLast()
    },
    BrokenRule("Tensor.data is 12 bytes", Whole.features, Message.imageFeatures) {
      $0.features.type = .f32
    },
    BrokenRule("Tensor.shape is 0", Whole.features, Message.imageFeatures) {
      $0.features.shape = []
    },
    BrokenRule("Tensor.shape is 5", Whole.features, Message.imageFeatures) {
      $0.features.shape = [1, 1, 1, 1, 1]
    },
    BrokenRule("Tensor.shape is 0", Whole.features, Message.imageFeatures) {
      $0.features.shape = [0, 6]
    },
    BrokenRule("Tensor.shape is 4503599627370496", Whole.features, Message.imageFeatures) {
      $0.features.shape = [1 << 26, 1 << 26, 1 << 26, 1]
    },
    BrokenRule("FeaturesReady.rows is 0", Whole.ready, Message.featuresReady) { $0.rows = 0 },
    BrokenRule(
      "ReleaseFeatures.images is 0", ReleaseFeatures(epoch: 1, images: []), Message.releaseFeatures
    ) { _ in },
    BrokenRule(
      "ReleaseFeatures.images is 0", ReleaseFeatures(epoch: 1, images: [4, 0]),
      Message.releaseFeatures
    ) { _ in },
  ]

  static let steps: [BrokenRule] = [
    BrokenRule("Span.likeliest is 21", Whole.step, Message.step) {
      $0.spans[0].logProbabilities = 21
    },
    BrokenRule("TokenCount.count is 0", Whole.step, Message.step) {
      $0.spans[0].generated = [WireTokenCount(tokenID: 3, count: 0)]
    },
    BrokenRule("Span.generated name 3 twice", Whole.step, Message.step) {
      $0.spans[0].generated = [
        WireTokenCount(tokenID: 3, count: 1), WireTokenCount(tokenID: 3, count: 2),
      ]
    },
    BrokenRule("SampledToken.likeliest is 21", Whole.tokens, Message.tokens) {
      $0.tokens[0].likeliest = Array(
        repeating: TokenLikelihood(id: 1, logProbability: 0), count: 21)
    },
    BrokenRule("Step.epoch is 0", Whole.step, Message.step) { $0.epoch = 0 },
    BrokenRule("Step.number is 0", Whole.step, Message.step) { $0.number = 0 },
    BrokenRule("Step.spans is 0", Whole.step, Message.step) { $0.spans = [] },
    BrokenRule("Step.spans is 1025", Whole.step, Message.step) {
      $0.spans = Array(repeating: Whole.span, count: 1025)
    },
    BrokenRule("Step.spans name 1 twice", Whole.step, Message.step) { $0.spans += [Whole.span] },
    BrokenRule("Step.spans lack token_ids", Whole.step, Message.step) { $0.spans[0].tokenIDs = [] },
    BrokenRule("Step.spans hold token_ids", Whole.step, Message.step) {
      $0.activations = Whole.tensor
    },
    BrokenRule("Step.spans hold token_ids or splices", Whole.later, Message.step) {
      $0.spans[0].splices = Whole.span.splices
    },
    BrokenRule("Step.activations has the shape [3, 2]", Whole.later, Message.step) {
      $0.activations?.shape = [3, 2]
    },
    BrokenRule("Step.spans is 65537", Whole.later, Message.step) {
      $0.spans[0].tokenCount = 65536
      $0.spans.append(WireSpan(sequence: 2, firstPosition: 0, tokenCount: 1, kvBlocks: [0]))
    },
    BrokenRule("Step.spans is 1114112", Whole.later, Message.step) {
      $0.spans = (0..<17).map {
        WireSpan(
          sequence: $0, firstPosition: 0, tokenCount: 1,
          kvBlocks: Array(repeating: 0, count: 65536))
      }
    },
    BrokenRule("Step.spans sample in a step", Whole.step, Message.step) { $0.purpose = .resend },
    BrokenRule("Step.spans hold token_ids", Whole.step, Message.step) {
      $0.spans[0].sampling = nil
      $0.purpose = .resend
    },
    BrokenRule("Step.activations are missing", Whole.step, Message.step) {
      $0.spans[0].sampling = nil
      $0.purpose = .rebuild
    },
    BrokenRule("Step.activations are given", Whole.later, Message.step) {
      for index in $0.spans.indices { $0.spans[index].sampling = nil }
      $0.purpose = .resend
    },
    BrokenRule("Step.timings is 1025", Whole.step, Message.step) {
      $0.timings = Array(repeating: StageTiming(stage: 0), count: 1025)
    },
    BrokenRule("StageTiming.wait_seconds is -inf", Whole.tokens, Message.tokens) {
      $0.timings[0].waitSeconds = -.infinity
    },
    BrokenRule("Span.token_count is 0", Whole.step, Message.step) { $0.spans[0].tokenCount = 0 },
    BrokenRule("Span.token_ids holds 2 tokens", Whole.step, Message.step) {
      $0.spans[0].tokenCount = 3
    },
    BrokenRule("Span.token_ids holds a negative", Whole.step, Message.step) {
      $0.spans[0].tokenIDs[1] = -1
    },
    BrokenRule("Span.first_position is 4294967296", Whole.step, Message.step) {
      $0.spans[0].firstPosition = 1 << 32
    },
    BrokenRule("Span.kv_blocks is 0", Whole.step, Message.step) { $0.spans[0].kvBlocks = [] },
    BrokenRule("Span.kv_blocks is -1", Whole.step, Message.step) { $0.spans[0].kvBlocks = [-1] },
    BrokenRule("Span.splices end at token 3 of 2", Whole.step, Message.step) {
      $0.spans[0].splices[0].rowCount = 3
    },
    BrokenRule("Span.splices start at token 0, before 1", Whole.step, Message.step) {
      $0.spans[0].splices += Whole.span.splices
    },
    BrokenRule("Span.splices is 65", Whole.step, Message.step) {
      $0.spans[0].splices = Array(repeating: Splice(image: 1, rowCount: 1), count: 65)
    },
    BrokenRule("Splice.image is 0", Whole.step, Message.step) { $0.spans[0].splices[0].image = 0 },
    BrokenRule("Splice.row_count is 0", Whole.step, Message.step) {
      $0.spans[0].splices[0].rowCount = 0
    },
    BrokenRule("Sampling.temperature is nan", Whole.step, Message.step) {
      $0.spans[0].sampling?.temperature = .nan
    },
    BrokenRule("Sampling.temperature is 100.5", Whole.step, Message.step) {
      $0.spans[0].sampling?.temperature = 100.5
    },
    BrokenRule("Sampling.top_p is 0", Whole.step, Message.step) { $0.spans[0].sampling?.topP = 0 },
    BrokenRule("Sampling.top_p is 1.5", Whole.step, Message.step) {
      $0.spans[0].sampling?.topP = 1.5
    },
    BrokenRule("Sampling.top_k is -1", Whole.step, Message.step) {
      $0.spans[0].sampling?.topK = -1
    },
    BrokenRule("Tokens.number is 0", Whole.tokens, Message.tokens) { $0.number = 0 },
    BrokenRule("Tokens.tokens name 1 twice", Whole.tokens, Message.tokens) {
      $0.tokens += Whole.tokens.tokens
    },
    BrokenRule("SampledToken.token_id is -1", Whole.tokens, Message.tokens) {
      $0.tokens[0].tokenID = -1
    },
    BrokenRule("SampledToken.log_probability is nan", Whole.tokens, Message.tokens) {
      $0.tokens[0].logProbability = .nan
    },
  ]

  static let queries: [BrokenRule] = [
    BrokenRule("ReferringQuery.prompt is given beside", Whole.query, Message.referringQuery) {
      $0.prompt = .text("a")
    },
    BrokenRule("RawPrompt.token_ids is 0, less than 1", Whole.raw, Message.referringQuery) {
      $0.prompt = .tokens([])
    },
    BrokenRule("RawPrompt.token_ids holds a negative", Whole.raw, Message.referringQuery) {
      $0.prompt = .tokens([1, -1])
    },
    BrokenRule("ReferringQuery.stop is 17", Whole.query, Message.referringQuery) {
      $0.stop = Array(repeating: "a", count: 17)
    },
    BrokenRule("ReferringQuery.stop holds an empty text", Whole.query, Message.referringQuery) {
      $0.stop = ["a", ""]
    },
    BrokenRule("ReferringQuery.stop is 1025 bytes", Whole.query, Message.referringQuery) {
      $0.stop = [String(repeating: "a", count: 1025)]
    },
    BrokenRule("ReferringQuery.min_tokens is -1", Whole.query, Message.referringQuery) {
      $0.minTokens = -1
    },
    BrokenRule("ReferringQuery.likeliest is 21", Whole.query, Message.referringQuery) {
      $0.logProbabilities = 21
    },
    BrokenRule("ReferringQuery.user is 257 bytes", Whole.query, Message.referringQuery) {
      $0.user = String(repeating: "u", count: 257)
    },
    BrokenRule("Sampling.presence_penalty is 2.5", Whole.query, Message.referringQuery) {
      $0.sampling.presencePenalty = 2.5
    },
    BrokenRule("Sampling.frequency_penalty is nan", Whole.query, Message.referringQuery) {
      $0.sampling.frequencyPenalty = .nan
    },
    BrokenRule("ReferringQuery.images is 17", Whole.query, Message.referringQuery) {
      $0.images = Array(repeating: [1], count: 17)
    },
    BrokenRule("ReferringQuery.images is 0", Whole.query, Message.referringQuery) {
      $0.images = [[]]
    },
    BrokenRule("ReferringQuery.turns is 0", Whole.query, Message.referringQuery) { $0.turns = [] },
    BrokenRule("ReferringQuery.turns is 257", Whole.query, Message.referringQuery) {
      $0.turns = Array(repeating: Whole.turn, count: 257)
    },
    BrokenRule("ReferringQuery.turns refer to image 0 of 0", Whole.query, Message.referringQuery) {
      $0.images = []
    },
    BrokenRule("ReferringQuery.turns refer to image 3 of 1", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].image = 3
    },
    BrokenRule("ReferringQuery.turns name 0 twice", Whole.query, Message.referringQuery) {
      $0.turns[0].images = [0, 0]
    },
    BrokenRule("ReferringQuery.turns do not begin", Whole.query, Message.referringQuery) {
      $0.turns.append(WireTurn(speaker: .assistant, text: "yes"))
    },
    BrokenRule("ReferringQuery.new_tokens_max is -1", Whole.query, Message.referringQuery) {
      $0.newTokensMax = -1
    },
    BrokenRule("Turn.regions stand in", Whole.query, Message.referringQuery) {
      $0.turns[0].speaker = .assistant
    },
    BrokenRule("Turn.regions is 257", Whole.query, Message.referringQuery) {
      $0.turns[0].regions = Array(repeating: Whole.region, count: 257)
    },
    BrokenRule("Turn.text contains a zero", Whole.query, Message.referringQuery) {
      $0.turns[0].text = "\0"
    },
    BrokenRule("Region.coordinates holds 3 numbers for a box", Whole.query, Message.referringQuery)
    {
      $0.turns[0].regions[0].coordinates.removeLast()
    },
    BrokenRule(
      "Region.coordinates holds 4 numbers for a point", Whole.query, Message.referringQuery
    ) {
      $0.turns[0].regions[0].kind = .point
    },
    BrokenRule("Region.coordinates holds 7 numbers", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].kind = .polygon
      $0.turns[0].regions[0].coordinates = [1, 2, 3, 4, 5, 6, 7]
    },
    BrokenRule("Region.coordinates is 514", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].kind = .polygon
      $0.turns[0].regions[0].coordinates = Array(repeating: 1, count: 514)
    },
    BrokenRule("Region.coordinates is nan", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].coordinates[2] = .nan
    },
    BrokenRule("Region.name is 129 bytes", Whole.query, Message.referringQuery) {
      $0.turns[0].regions[0].name = long
    },
  ]

  static let answers: [BrokenRule] = [
    BrokenRule("AnswerToken.log_probability is -inf", Whole.text, Message.answerText) {
      $0.tokens[0].logProbability = -.infinity
    },
    BrokenRule("TokenLikelihood.token_id is -1", Whole.text, Message.answerText) {
      $0.tokens[0].likeliest[0].id = -1
    },
    BrokenRule("Answer.queued_seconds is -1.0", Whole.answer, Message.answer) {
      $0.queuedSeconds = -1
    },
    BrokenRule("AnswerText.text contains", AnswerText(query: 1, text: "\0"), Message.answerText) {
      _ in
    },
    BrokenRule("Answer.image_tokens is 3", Whole.answer, Message.answer) { $0.imageTokens = 3 },
    BrokenRule("Answer.total_seconds is nan", Whole.answer, Message.answer) {
      $0.totalSeconds = .nan
    },
    BrokenRule("AnswerRegion.region is not in pixels", Whole.answer, Message.answer) {
      $0.regions[0].region.frame = .normalized
    },
    BrokenRule("ProcessReport.layer_count is 4097", Whole.answer, Message.answer) {
      $0.processes[0].layerCount = 4097
    },
    BrokenRule("ProcessReport.name is 129", Whole.answer, Message.answer) {
      $0.processes[0].name = long
    },
  ]

  @Test("what breaks a rule inside foreign bytes is refused by the same rule")
  func sameRulesComingIn() throws {
    // Field 2 of StageTiming is a double, which is never length-prefixed.
    let timing = ProtoBytes().number(1, 1).bytes(2, [])
    #expect(throws: WireFault.self) {
      try decode(ProtoBytes().message(13, ProtoBytes().message(4, timing)).bytes)
    }
    let tokens = ProtoBytes().number(1, 0).number(2, 1)
    let fault = #expect(throws: WireFault.self) {
      try decode(ProtoBytes().message(13, tokens).bytes)
    }
    #expect(fault?.message == "Tokens.epoch is 0")
    let encoded = #expect(throws: WireFault.self) {
      try encode(.tokens(Tokens(epoch: 0, number: 1, tokens: [])))
    }
    #expect(encoded == fault)
  }
}
