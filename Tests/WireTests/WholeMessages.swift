import Wire

/// Messages that keep every rule, to be broken one field at a time.
enum Whole {
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
  static let moving = Assignment(
    epoch: 2, modelDigest: digest, stage: 0, stageCount: 2, firstLayer: 0, layerCount: 2,
    nextEndpoint: "tcp://b:2", kvBlockCount: 8, kvBlockTokens: 16, stepTokensMax: 256,
    keeps: true, kvSources: [KVSource(layers: 1..<2, endpoint: "tcp://c:3", key: digest)],
    kvBlocks: [0, 7], kvEpoch: 1)
  static let kvRequest = KVRequest(epoch: 1, layer: 1, blocks: [0, 7])
  static let kvContents = KVContents(epoch: 1, layer: 1, blocks: [0, 7], data: [1, 2, 3, 4])
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
    .tensorChunk(chunk), .assignment(moving), .kvRequest(kvRequest), .kvContents(kvContents),
    .hello(hello), .hello(client), .welcome(welcome), .assignment(assignment),
    .encodeImage(encodeImage), .imageFeatures(features), .featuresReady(ready), .step(step),
    .step(later), .tokens(tokens), .referringQuery(query), .referringQuery(raw), .answerText(text),
    .answer(answer),
  ]
}
