import Foundation
import Testing
import Wire

/// Bytes that Google's protobuf packed from the text format beside them, by `Fixtures/generate`.
@Suite("Bytes agree with Google's protobuf")
struct OracleTests {
  @Test("packing gives the same bytes, unpacking the same values", arguments: Expected.all)
  func agrees(expected: Expected) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Fixtures/\(expected.name).bin")
    let bytes = try [UInt8](Data(contentsOf: file))
    #expect(try decode(bytes) == expected.message)
    #expect(try encode(expected.message) == bytes)
  }
}

/// What a fixture holds.
struct Expected: Sendable, CustomTestStringConvertible {
  var name: String
  var message: Message
  var testDescription: String { name }

  init(_ name: String, _ message: Message) {
    self.name = name
    self.message = message
  }

  static let digest: [UInt8] = Array(1...31) + [255]

  static let all: [Expected] = membership + vision + steps + queries + transfer

  static let membership: [Expected] = [
    Expected(
      "hello",
      .hello(
        Hello(
          role: .decoderWorker, name: "worker-é", modelDigest: digest,
          dataEndpoint: "tcp://127.0.0.1:7001", memoryBytes: 64 << 30,
          weightBytesPerSecond: 12_000_000_000, processID: 4321,
          tensorEndpoint: "tcp://127.0.0.1:7002"))),
    Expected(
      "hello_fetches",
      .hello(Hello(role: .visionNode, name: "vision", processID: 4322, fetches: true))),
    Expected(
      "welcome",
      .welcome(
        Welcome(
          heartbeatIntervalMilliseconds: 500, heartbeatTimeoutMilliseconds: 5000, tensorPort: 5711))
    ),
    Expected(
      "assignment",
      .assignment(
        Assignment(
          epoch: 3, modelDigest: digest, stage: 1, stageCount: 3, firstLayer: 11, layerCount: 10,
          nextEndpoint: "tcp://10.0.0.2:7002", kvBlockCount: 2048, kvBlockTokens: 16,
          activationType: .f16, featureCredits: 4, stepTokensMax: 512, weights: "q8_0",
          logs: true, keeps: true, gives: true,
          tensorSources: ["tcp://10.0.0.3:7003", "tcp://10.0.0.4:7004"],
          kvSources: [
            KVSource(layers: 11..<13, endpoint: "tcp://10.0.0.3:7003"),
            KVSource(layers: 20..<21, endpoint: "tcp://10.0.0.5:7005", key: digest),
          ],
          kvBlocks: [0, 2047], kvEpoch: 2))),
    Expected(
      "ready", .ready(Ready(epoch: 3, weightBytes: 4 << 30, kvBytes: 1 << 30, loadSeconds: 1.25))),
    Expected(
      "heartbeat",
      .heartbeat(
        Heartbeat(
          epoch: 3, completed: 1000, busySeconds: 12.5, sendingSeconds: 0.75, sentSeconds: 81.5,
          echoSeconds: 3.25, heldSeconds: 0.125, refusedKeys: 5, refusedHandshakes: 6,
          refusedMessages: 7))),
    Expected("settled", .settled(Settled(epoch: 3))),
    Expected("drain", .drain(Drain(name: "worker-1"))),
    Expected("drained", .drained(Drained(name: "worker-1", problem: "no other worker is there"))),
    Expected("goodbye", .goodbye(Goodbye(reason: "stopped by its user"))),
    Expected(
      "error",
      .error(
        WireError(
          code: .invalidImage, text: "not an image", remedy: "send JPEG, PNG or WebP", query: 0,
          image: .max, epoch: 3, step: 9, retryAfterSeconds: 1.5))),
  ]

  static let transfer: [Expected] = [
    Expected(
      "manifest_request",
      .manifestRequest(ManifestRequest(modelDigest: digest, part: "language_model.layers.3."))),
    Expected(
      "manifest_files",
      .manifest(
        Manifest(
          modelDigest: digest,
          files: [
            ManifestFile(name: "config.json", content: Array("{}".utf8)),
            ManifestFile(name: "chatspot.json", content: Array("{ }".utf8)),
          ]))),
    Expected(
      "manifest_tensors",
      .manifest(
        Manifest(
          modelDigest: digest, part: "language_model.layers.3.",
          tensors: [
            ManifestTensor(
              name: "language_model.layers.3.a.weight", format: "q8_0", encoding: "q4_K",
              interleavedHeadRows: 64, shape: [128, 256], byteCount: 18_432, digest: digest),
            ManifestTensor(
              name: "language_model.layers.3.b", format: "f32", shape: [3], byteCount: 12,
              digest: digest),
          ]))),
    Expected(
      "manifest_refused",
      .manifest(
        Manifest(modelDigest: digest, part: "x", refusal: "only the coordinator does"))),
    Expected(
      "tensor_request",
      .tensorRequest(
        TensorRequest(
          modelDigest: digest, name: "language_model.norm.weight", offset: 1 << 40,
          length: 4 << 20))),
    Expected(
      "tensor_chunk",
      .tensorChunk(
        TensorChunk(name: "language_model.norm.weight", offset: 1 << 20, data: [1, 0, 255]))),
    Expected("kv_request", .kvRequest(KVRequest(epoch: 2, layer: 11, blocks: [0, 2047]))),
    Expected(
      "kv_contents",
      .kvContents(
        KVContents(epoch: 2, layer: 11, blocks: [0, 2047], data: [1, 0, 255, 2]))),
    Expected(
      "kv_contents_refused",
      .kvContents(
        KVContents(epoch: 2, layer: 11, blocks: [7], refusal: "layer 11 is not here"))),
    Expected(
      "tensor_chunk_refused",
      .tensorChunk(
        TensorChunk(name: "language_model.norm.weight", offset: 0, refusal: "not here"))),
  ]

  static let vision: [Expected] = [
    Expected(
      "encode_image",
      .encodeImage(
        EncodeImage(
          epoch: 3, image: 17, fileDigest: digest, file: [255, 216, 0, 255, 217],
          geometry: WireImageGeometry(
            fit: .centerCrop, originalWidth: 640, originalHeight: 480, side: 224,
            shortestEdge: 256)))),
    Expected(
      "image_features",
      .imageFeatures(
        ImageFeatures(
          epoch: 3, image: 17,
          features: WireTensor(
            type: .f32, shape: [1, 2], data: [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]),
          decodeSeconds: 0.03125, encodeSeconds: 0.5, startSeconds: 4.5))),
    Expected(
      "features_ready",
      .featuresReady(
        FeaturesReady(
          epoch: 3, image: 17, rows: 256, decodeSeconds: 0.03125, encodeSeconds: 0.5,
          startSeconds: 4.5))),
    Expected(
      "release_features", .releaseFeatures(ReleaseFeatures(epoch: 3, images: [17, 300, 1]))),
  ]

  static let steps: [Expected] = [
    Expected(
      "step_first",
      .step(
        Step(
          epoch: 3, number: 9,
          spans: [
            WireSpan(
              sequence: 5, firstPosition: 0, tokenCount: 4, tokenIDs: [1, 32000, 32000, .max],
              kvBlocks: [0, 4_294_967_295],
              splices: [Splice(image: 17, firstRow: 0, rowCount: 2, firstToken: 1)]),
            WireSpan(
              sequence: 6, firstPosition: 130, tokenCount: 1, tokenIDs: [29871],
              kvBlocks: [300, 4, 5],
              sampling: WireSampling(
                temperature: 0.75, topP: 0.5, topK: 40, seed: .max, presencePenalty: 0.5,
                frequencyPenalty: -2), withholdsEnd: true, logProbabilities: 3,
              generated: [
                WireTokenCount(tokenID: 29871, count: 2), WireTokenCount(tokenID: 0, count: 1),
              ]),
          ]))),
    Expected(
      "step_later",
      .step(
        Step(
          epoch: 3, number: 9,
          spans: [
            WireSpan(
              sequence: 5, firstPosition: 0, tokenCount: 2, kvBlocks: [0], sampling: .greedy)
          ], activations: WireTensor(type: .f16, shape: [2, 1], data: [0, 0x3c, 0, 0xc0]),
          timings: [
            StageTiming(stage: 0, computeSeconds: 0.25, waitSeconds: 0.125, startSeconds: 9.5),
            StageTiming(stage: 1),
          ]))),
    Expected(
      "step_again",
      .step(
        Step(
          epoch: 3, number: 9,
          spans: [WireSpan(sequence: 5, firstPosition: 0, tokenCount: 2, kvBlocks: [0])],
          purpose: .resend))),
    Expected(
      "tokens",
      .tokens(
        Tokens(
          epoch: 3, number: 9,
          tokens: [
            SampledToken(
              sequence: 6, position: 131, tokenID: 2, logProbability: -0.5,
              likeliest: [TokenLikelihood(id: 3, logProbability: -0.25)])
          ],
          timings: [StageTiming(stage: 2, computeSeconds: 0.25)]))),
  ]

  static let queries: [Expected] = [
    Expected("referring_query", .referringQuery(query)),
    Expected(
      "raw_query",
      .referringQuery(
        ReferringQueryMessage(query: 43, prompt: .tokens([1, 306, 626]), logProbabilities: 0))),
    Expected("cancel_query", .cancelQuery(CancelQuery(query: 42))),
    Expected(
      "answer_text",
      .answerText(
        AnswerText(
          query: 42, text: " a cat 🐈",
          tokens: [
            AnswerToken(
              id: 5, bytes: [0x20, 0x61], logProbability: -0.5,
              likeliest: [TokenLikelihood(id: 6, bytes: [255], logProbability: -1)])
          ]))),
    Expected("answer", .answer(answer)),
  ]

  static let query = ReferringQueryMessage(
    query: 42, images: [[0x89, 0x50, 0x4e, 0x47], [0xff, 0xd8]], system: "Be brief.",
    turns: [
      WireTurn(
        speaker: .user, text: "What is in <region>?",
        regions: [
          WireRegion(kind: .box, coordinates: [10, 20.5, 110, 140], image: 1, name: "left")
        ], images: [0, 1]),
      WireTurn(speaker: .assistant, text: "A cat."),
      WireTurn(
        speaker: .user, text: "And here?",
        regions: [
          WireRegion(
            kind: .polygon, frame: .normalized, coordinates: [0.25, 0.25, 0.5, 0.25, 0.5, -0.125]),
          WireRegion(kind: .point, coordinates: [3, 0]),
        ]),
    ], sampling: WireSampling(temperature: 0.5, seed: 7), newTokensMax: 64, stop: ["\n", "USER:"],
    minTokens: 2, ignoreEnd: true, logProbabilities: 5, deadlineMilliseconds: 30_000, user: "anna")

  static let answer = Answer(
    query: 42, text: "a cat [0.1, 0.2]", finishReason: .length,
    regions: [
      AnswerRegion(region: WireRegion(kind: .point, coordinates: [64, 96]), text: "[0.1, 0.2]")
    ], promptTokens: 300, imageTokens: 256, newTokens: 12, imageSeconds: 0.5,
    firstTokenSeconds: 0.75, totalSeconds: 2,
    processes: [
      ProcessReport(
        name: "vision-1", processID: 11, work: "encodes images", completed: 1, busySeconds: 0.5),
      ProcessReport(
        name: "worker-1", processID: 12, work: "decodes layers 2–3", completed: 13, busySeconds: 1,
        firstLayer: 2, layerCount: 2),
    ], cachedTokens: 256, queuedSeconds: 0.25)
}
