import Wire

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

/// Makes messages that keep every rule, with random contents.
struct RandomMessages {
  static let kinds = 26

  /// The number that a kind has in the envelope.
  static func number(of kind: Int) -> Int { kind < 20 ? kind + 1 : kind + 10 }

  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(state: seed) }

  /// One message of each kind.
  mutating func all() -> [Message] { (0..<Self.kinds).map { message($0) } }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func flag() -> Bool { Bool.random(using: &random) }
  mutating func id() -> UInt64 { UInt64.random(in: 1...UInt64.max, using: &random) }
  mutating func seconds() -> Double { Double.random(in: 0...1000, using: &random) }
  mutating func count() -> Int { int(0...3) == 0 ? Int(UInt32.max) : int(0...1000) }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  mutating func text() -> String {
    let letters: [Character] = ["a", "<", "0", " ", "é", "🀄", "字", "\n"]
    return String((0..<int(0...12)).map { _ in letters.randomElement(using: &random)! })
  }

  mutating func list<Item>(
    _ range: ClosedRange<Int>, _ item: (inout RandomMessages) -> Item
  ) -> [Item] {
    (0..<int(range)).map { _ in item(&self) }
  }

  mutating func tensor(_ shape: [Int]) -> WireTensor {
    let type = WireDataType.allCases.randomElement(using: &random)!
    return WireTensor(
      type: type, shape: shape, data: bytes(shape.reduce(1, *) * type.byteCount))
  }

  mutating func sampling() -> WireSampling {
    WireSampling(
      temperature: .random(in: 0...100, using: &random),
      topP: .random(in: 0.01...1, using: &random),
      topK: count(), seed: random.next(), presencePenalty: .random(in: -2...2, using: &random),
      frequencyPenalty: .random(in: -2...2, using: &random))
  }

  mutating func timing() -> StageTiming {
    StageTiming(
      stage: int(0...9), computeSeconds: seconds(), waitSeconds: seconds(),
      startSeconds: seconds())
  }

  mutating func span(first: Bool) -> WireSpan {
    let tokens = int(1...6)
    var splices: [Splice] = []
    var next = 0
    while first, next < tokens, flag() {
      let rows = int(1...tokens - next)
      splices.append(
        Splice(image: id(), firstRow: count(), rowCount: rows, firstToken: next))
      next += rows
    }
    return WireSpan(
      sequence: id(), firstPosition: count(), tokenCount: tokens,
      tokenIDs: first
        ? (0..<tokens).map { _ in Int32.random(in: 0...Int32.max, using: &random) } : [],
      kvBlocks: list(1...5) { $0.count() }, sampling: flag() ? sampling() : nil, splices: splices,
      withholdsEnd: flag(), logProbabilities: flag() ? int(0...20) : nil,
      generated: (0..<int(0...3)).map { WireTokenCount(tokenID: Int32($0 * 7), count: int(1...9)) })
  }

  mutating func step() -> Step {
    let purpose = StepPurpose.allCases.randomElement(using: &random)!
    let first = purpose == .compute && flag()
    var spans = list(1...4) { $0.span(first: first) }
    if purpose != .compute { for index in spans.indices { spans[index].sampling = nil } }
    let tokens = spans.reduce(0) { $0 + $1.tokenCount }
    return Step(
      epoch: id(), number: id(), spans: spans,
      activations: first || purpose == .resend ? nil : tensor([tokens, int(1...5)]),
      timings: list(0...3) { $0.timing() }, purpose: purpose)
  }

  mutating func region(frame: WireRegion.Frame? = nil) -> WireRegion {
    let kind = WireRegion.Kind.allCases.randomElement(using: &random)!
    let numbers =
      switch kind {
      case .point: 2
      case .box: 4
      case .polygon: 2 * int(3...6)
      }
    return WireRegion(
      kind: kind, frame: frame ?? (flag() ? .pixels : .normalized),
      coordinates: list(numbers...numbers) { .random(in: -1e6...1e6, using: &$0.random) }, image: 0,
      name: text())
  }

  mutating func query() -> ReferringQueryMessage {
    var query = conversation()
    if flag() {
      let tokens = (0..<int(1...5)).map { _ in Int32(int(0...9000)) }
      query = ReferringQueryMessage(
        query: random.next(), sampling: sampling(),
        prompt: flag() ? .text(text()) : .tokens(tokens))
    }
    query.stop = list(0...3) { $0.text() + "." }
    query.minTokens = count()
    query.ignoreEnd = flag()
    query.logProbabilities = flag() ? int(0...20) : nil
    query.deadlineMilliseconds = count()
    query.user = text()
    return query
  }

  mutating func conversation() -> ReferringQueryMessage {
    var turns: [WireTurn] = []
    for turn in 0..<int(0...2) * 2 + 1 {
      turns.append(
        turn.isMultiple(of: 2)
          ? WireTurn(
            speaker: .user, text: text(), regions: list(0...3) { $0.region() },
            images: turn == 0 ? [0] : [])
          : WireTurn(speaker: .assistant, text: text()))
    }
    return ReferringQueryMessage(
      query: random.next(), images: list(1...3) { $0.bytes($0.int(1...40)) }, system: text(),
      turns: turns, sampling: sampling(), newTokensMax: count())
  }

  mutating func hello() -> Hello {
    switch Role.allCases.randomElement(using: &random)! {
    case .decoderWorker:
      Hello(
        role: .decoderWorker, name: text(), modelDigest: bytes(32),
        dataEndpoint: "tcp://127.0.0.1:\(int(1...65535))", memoryBytes: int(1...Int.max),
        weightBytesPerSecond: int(1...Int.max), processID: random.next())
    case .visionNode: Hello(role: .visionNode, name: text(), modelDigest: bytes(32))
    case .client: Hello(role: .client, name: text(), processID: random.next())
    }
  }

  mutating func error() -> WireError {
    WireError(
      code: WireError.Code.allCases.randomElement(using: &random)!, text: text(), remedy: text(),
      query: flag() ? UInt64(int(0...1)) : nil, image: flag() ? id() : nil,
      epoch: flag() ? id() : nil, step: flag() ? id() : nil,
      retryAfterSeconds: flag() ? seconds() + 0.5 : nil)
  }

  mutating func assignment() -> Assignment {
    let (last, prepares, moves) = (flag(), flag(), flag())
    let (firstLayer, layerCount) = (int(0...40), int(1...40))
    return Assignment(
      epoch: id(), modelDigest: bytes(32), stage: last ? 2 : 1, stageCount: 3,
      firstLayer: firstLayer, layerCount: layerCount,
      nextEndpoint: last ? "" : "tcp://[::1]:9", kvBlockCount: int(9...1 << 20),
      kvBlockTokens: int(1...256), activationType: flag() ? .f16 : .f32, featureCredits: int(0...9),
      stepTokensMax: int(1...4096), weights: flag() ? "q8_0" : "",
      prepares: prepares, logs: !last && flag(), keeps: !prepares && flag(),
      gives: !prepares && flag(), nextKey: !last && flag() ? bytes(32) : [],
      workerKeys: list(0...3) { $0.bytes(32) }, visionKeys: list(0...3) { $0.bytes(32) },
      tensorSources: ["tcp://[::1]:10", "tcp://a:11"],
      tensorSourceKeys: flag() ? [bytes(32), bytes(32)] : [],
      kvSources: moves
        ? [
          KVSource(
            layers: firstLayer..<firstLayer + layerCount, endpoint: "tcp://a:12",
            key: flag() ? bytes(32) : [])
        ] : [],
      kvBlocks: moves ? Array(0...int(0...8)) : [], kvEpoch: moves ? id() : 0)
  }

  mutating func geometry() -> WireImageGeometry {
    let fit = WireFit.allCases.randomElement(using: &random)!
    let side = int(1...1000)
    return WireImageGeometry(
      fit: fit, originalWidth: int(1...65535), originalHeight: int(1...65535), side: side,
      shortestEdge: fit == .centerCrop ? int(1...1000) : side)
  }

  mutating func answer() -> Answer {
    Answer(
      query: random.next(), text: text(), finishReason: flag() ? .stop : .length,
      regions: list(0...3) { AnswerRegion(region: $0.region(frame: .pixels), text: $0.text()) },
      promptTokens: 900, imageTokens: int(0...900), newTokens: count(), imageSeconds: seconds(),
      firstTokenSeconds: seconds(), totalSeconds: seconds(),
      processes: list(0...3) {
        ProcessReport(
          name: $0.text(), processID: $0.random.next(), work: $0.text(),
          completed: $0.int(0...Int.max),
          busySeconds: $0.seconds(), firstLayer: $0.int(0...9), layerCount: $0.int(0...9))
      }, cachedTokens: count(), queuedSeconds: seconds())
  }

  mutating func manifest() -> Manifest {
    guard flag() else {
      return Manifest(
        modelDigest: bytes(32),
        files: (0..<int(0...3)).map { ManifestFile(name: "\($0)", content: bytes(int(0...20))) })
    }
    return Manifest(
      modelDigest: bytes(32), part: "t",
      tensors: (0..<int(0...3)).map { index in
        ManifestTensor(
          name: "t\(index)", format: "f16", encoding: "f16", interleavedHeadRows: count(),
          shape: list(0...8) { $0.count() }, byteCount: int(0...1 << 40), digest: bytes(32))
      }, refusal: text())
  }

  mutating func message(_ kind: Int) -> Message {
    switch kind {
    case 0: .hello(hello())
    case 1:
      .welcome(
        Welcome(
          heartbeatIntervalMilliseconds: int(1...100), heartbeatTimeoutMilliseconds: int(101...999))
      )
    case 2: .assignment(assignment())
    case 3:
      .ready(
        Ready(
          epoch: id(), weightBytes: int(0...Int.max), kvBytes: int(0...Int.max),
          loadSeconds: seconds()))
    case 4:
      .heartbeat(
        Heartbeat(
          epoch: random.next(), completed: int(0...Int.max), busySeconds: seconds(),
          sendingSeconds: seconds(), sentSeconds: seconds(), echoSeconds: seconds(),
          heldSeconds: seconds(), refusedKeys: int(0...Int.max), refusedHandshakes: int(0...99),
          refusedMessages: int(0...99)))
    case 5: .goodbye(Goodbye(reason: text(), failed: flag()))
    case 6: .error(error())
    case 7:
      .encodeImage(
        EncodeImage(
          epoch: id(), image: id(), fileDigest: bytes(32), file: bytes(int(1...60)),
          geometry: geometry()))
    case 8:
      .imageFeatures(
        ImageFeatures(
          epoch: id(), image: id(), features: tensor([int(1...4), int(1...4)]),
          decodeSeconds: seconds(), encodeSeconds: seconds(), startSeconds: seconds()))
    case 9:
      .featuresReady(
        FeaturesReady(
          epoch: id(), image: id(), rows: int(1...999), decodeSeconds: seconds(),
          encodeSeconds: seconds(), startSeconds: seconds()))
    case 10: .releaseFeatures(ReleaseFeatures(epoch: id(), images: list(1...4) { $0.id() }))
    case 11: .step(step())
    case 12:
      .tokens(
        Tokens(
          epoch: id(), number: id(),
          tokens: list(0...4) {
            SampledToken(
              sequence: $0.id(), position: $0.count(), tokenID: Int32($0.int(0...99)),
              logProbability: .random(in: -90...0, using: &$0.random),
              likeliest: $0.list(0...2) {
                TokenLikelihood(id: Int32($0.int(0...99)), logProbability: -1)
              })
          }, timings: list(0...3) { $0.timing() }))
    case 13: .referringQuery(query())
    case 14: .cancelQuery(CancelQuery(query: random.next()))
    case 15:
      .answerText(
        AnswerText(
          query: random.next(), text: text(),
          tokens: list(0...2) {
            AnswerToken(
              id: Int32($0.int(0...99)), bytes: $0.bytes($0.int(0...4)), logProbability: -0.5,
              likeliest: $0.list(0...2) {
                TokenLikelihood(
                  id: Int32($0.int(0...99)), bytes: $0.bytes($0.int(0...4)), logProbability: -2)
              })
          }))
    case 16: .answer(answer())
    case 17: .drain(Drain(name: text()))
    case 18: .drained(Drained(name: text(), problem: text()))
    case 19: .settled(Settled(epoch: id()))
    case 20: .manifestRequest(ManifestRequest(modelDigest: bytes(32), part: text()))
    case 21: .manifest(manifest())
    case 22:
      .tensorRequest(
        TensorRequest(
          modelDigest: bytes(32), name: "t" + text(), offset: int(0...1 << 40),
          length: int(1...4 << 20)))
    case 23:
      .tensorChunk(
        flag()
          ? TensorChunk(name: "t" + text(), offset: int(0...1 << 40), data: bytes(int(1...40)))
          : TensorChunk(name: "t" + text(), offset: int(0...1 << 40), refusal: "no" + text()))
    case 24:
      .kvRequest(
        KVRequest(epoch: id(), layer: int(0...4095), blocks: list(1...5) { $0.int(0...99) }))
    default:
      .kvContents(
        flag()
          ? KVContents(
            epoch: id(), layer: int(0...9), blocks: [3, 1], data: bytes(2 * int(1...20)))
          : KVContents(epoch: id(), layer: int(0...9), blocks: [3, 1], refusal: "no" + text()))
    }
  }
}
