/// The API's endpoints.

internal import Coordinator
internal import CoreMetrics
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Imaging
internal import Journal
internal import Logging
internal import Requests
internal import Wire

/// Answers requests. One value serves all of them.
struct GatewayAPI: Sendable {
  let cluster: any ServingCluster
  let text: ServedText
  let settings: GatewaySettings
  let metrics: PrometheusRegistry
  let running = RunningAnswers()
  let journal: RequestJournal?
  private let files: StaticFiles
  private let description: Data
  private let reader: BodyReader
  private let loader: ImageLoader
  private let started = Date()

  /// Throws `.file` if a file that comes with the program is not there.
  init(
    cluster: any ServingCluster, text: ServedText, settings: GatewaySettings,
    metrics: PrometheusRegistry, journal: Journal? = nil,
    logger: Logger = Logger(label: "gateway")
  ) throws {
    self.cluster = cluster
    self.text = text
    self.settings = settings
    self.metrics = metrics
    self.journal = journal.map { [running] in
      RequestJournal(journal: $0, running: running, metrics: metrics, logger: logger)
    }
    let resources = try settings.resources ?? GatewayResources.directory()
    var files = StaticFiles()
    try files.add(resources.appending(path: "page"), at: "")
    for (name, folder) in settings.folders { try files.add(folder, at: "/\(name)") }
    self.files = files
    let url = resources.appending(path: "openapi.json")
    guard let description = try? Data(contentsOf: url) else {
      throw GatewayError(.file, "\(url.path) cannot be read")
    }
    self.description = description
    reader = BodyReader(
      bytesMax: settings.bodyBytesMax, seconds: settings.transferSeconds,
      budget: BodyBudget(bytesMax: max(settings.bodiesBytesMax, settings.bodyBytesMax)))
    let limits = ImageLimits(pixelsMax: settings.imagePixelsMax)
    loader = ImageLoader(
      limits: limits,
      remote: RemoteImages(
        hosts: Set(settings.imageHosts.map { $0.lowercased() }), bytesMax: limits.bytesMax))
  }

  /// The router with everything that stands before it.
  func router() -> Router<GatewayContext> {
    let router = Router(
      context: GatewayContext.self, options: [.autoGenerateHeadEndpoints])
    router.add(middleware: MeasuringMiddleware(metrics: metrics))
    let origins = Set(settings.corsOrigins)
    if !origins.isEmpty { router.add(middleware: CORSMiddleware(origins: origins)) }
    router.add(middleware: ErrorMiddleware())
    router.add(
      middleware: AccessMiddleware(
        hasKeys: settings.keys != nil, origins: origins,
        requiresLocalHost: settings.isLoopback && !settings.isInsecure && settings.keys == nil))
    for endpoint in Endpoint.allCases {
      router.on(RouterPath(endpoint.path), method: endpoint.method) { request, context in
        // Here and not by the path, which may be written in many ways.
        var context = context
        if endpoint.needsKey { context.key = try settings.keys?.index(in: request.headers) }
        return try await respond(endpoint, request, context)
      }
    }
    for (path, file) in files.files {
      router.on(RouterPath(path), method: .get) { request, _ in
        StaticFiles.response(file, to: request)
      }
    }
    return router
  }

  private func respond(
    _ endpoint: Endpoint, _ request: Request, _ context: GatewayContext
  ) async throws -> Response {
    switch endpoint {
    case .chatCompletions:
      try await reader.read(ChatCompletionRequest.self, from: request) {
        try await answer($0, context)
      }
    case .completions:
      try await reader.read(CompletionRequest.self, from: request) {
        try await answer($0, context)
      }
    case .tokenize:
      try await reader.read(TokenizeRequest.self, from: request) { try tokenize($0) }
    case .detokenize:
      try await reader.read(DetokenizeRequest.self, from: request) { try detokenize($0) }
    case .chatCompletion: try await stored(context, .chat)
    case .completion: try await stored(context, .text)
    case .models: try .json(ModelList(data: [model]))
    case .model: try .json(try named(context.parameters.get("model") ?? ""))
    case .cluster: try .json(await cluster.status())
    case .metrics: metricsText
    case .live: try .json(Health(status: "live"))
    case .ready: try await ready()
    case .openapi: .json(description)
    }
  }

  // MARK: Answers

  private func answer(
    _ request: ChatCompletionRequest, _ context: GatewayContext
  ) async throws -> Response {
    try requireServed(request.answer.model)
    try await requireMembers()
    let images = try await loader.images(of: request.messages)
    let conversation = try Conversation(request.messages, images: images)
    let common = query(
      request.answer, request.sampling, likeliest: request.likeliest, context: context)
    let seed = request.sampling.drawnSeed()
    let queries = (0..<request.answer.choices).map { choice in
      var query = common
      query.images = conversation.images
      query.system = conversation.system
      query.turns = conversation.turns
      query.sampling = request.sampling.wire(choice: choice, seed: seed)
      return query
    }
    let head = AnswerHead(prefix: "chatcmpl", model: text.name)
    let record = CompletionRecord(kind: .chat, head: head, perPrompt: queries.count)
    let delivery = try await delivery(of: queries, record, stores: request.answer.stores)
    guard request.answer.streams else {
      let (answers, tokens) = try await delivery.whole(queries, on: context.channel)
      return .json(try record.response(answers, tokens: tokens))
    }
    return try await delivery.stream(
      queries, perPrompt: queries.count,
      includesUsage: request.answer.streamOptions.includesUsage,
      as: ChatCompletionStream(head, choices: queries.count), on: context.channel)
  }

  private func answer(
    _ request: CompletionRequest, _ context: GatewayContext
  ) async throws -> Response {
    try requireServed(request.answer.model)
    try await requireMembers()
    let common = query(
      request.answer, request.sampling, likeliest: request.likeliest, context: context,
      // OpenAI's default for text completions.
      newTokens: 16)
    let seed = request.sampling.drawnSeed()
    let perPrompt = request.answer.choices
    var queries: [ReferringQueryMessage] = []
    var echoes: [String] = []
    for prompt in request.prompts.prompts {
      let echo = request.echoes ? self.echo(of: prompt) : ""
      for _ in 0..<perPrompt {
        var query = common
        query.prompt = prompt
        query.sampling = request.sampling.wire(choice: queries.count, seed: seed)
        queries.append(query)
        echoes.append(echo)
      }
    }
    let head = AnswerHead(prefix: "cmpl", model: text.name)
    let record = CompletionRecord(kind: .text, head: head, echoes: echoes, perPrompt: perPrompt)
    let delivery = try await delivery(of: queries, record, stores: request.answer.stores)
    guard request.answer.streams else {
      let (answers, tokens) = try await delivery.whole(queries, on: context.channel)
      return .json(try record.response(answers, tokens: tokens))
    }
    return try await delivery.stream(
      queries, perPrompt: perPrompt, includesUsage: request.answer.streamOptions.includesUsage,
      as: TextCompletionStream(head, echoes: echoes), on: context.channel)
  }

  /// Begins with writing the request down, where there is a journal.
  private func delivery(
    of queries: [ReferringQueryMessage], _ record: CompletionRecord, stores: Bool
  ) async throws -> AnswerDelivery {
    AnswerDelivery(
      cluster: cluster, running: running,
      recording: try await journal?.accept(record, queries, stores: stores))
  }

  /// The response of an earlier request.
  private func stored(
    _ context: GatewayContext, _ kind: CompletionRecord.Kind
  ) async throws -> Response {
    let id = context.parameters.get("id") ?? ""
    guard let journal else { throw APIError.unknownCompletion(id) }
    return try await journal.response(id, kind)
  }

  /// What all queries of a request have in common.
  private func query(
    _ answer: AnswerFields, _ sampling: SamplingFields, likeliest: Int?, context: GatewayContext,
    newTokens: Int = 0
  ) -> ReferringQueryMessage {
    var query = ReferringQueryMessage(query: 0, turns: [])
    query.newTokensMax = answer.newTokensMax ?? newTokens
    query.stop = answer.stop.strings
    query.minTokens = sampling.minTokens
    query.ignoreEnd = sampling.ignoreEnd
    query.logProbabilities = likeliest
    query.deadlineMilliseconds = settings.answerSeconds * 1000
    // Who has a key cannot pass for the users of another.
    query.user = context.key.map { "key-\($0)/\(answer.user)" } ?? answer.user
    return query
  }

  private func echo(of prompt: RawPrompt) -> String {
    switch prompt {
    case .text(let prompt): prompt
    case .tokens(let tokens): text.detokenize(tokens)
    }
  }

  private func requireServed(_ model: String?) throws {
    if let model { _ = try named(model) }
  }

  private func requireReady() async throws {
    let status = await cluster.status()
    guard status.ready else { throw notReady(status) }
  }

  // MARK: Models and tokens

  private var model: ModelList.Model {
    ModelList.Model(
      id: text.name, created: Int(started.timeIntervalSince1970), maxModelLen: text.contextTokens,
      notation: text.notation)
  }

  private func named(_ name: String) throws -> ModelList.Model {
    guard name == text.name || name.removingPercentEncoding == text.name else {
      throw APIError(
        status: .notFound,
        message: "there is no model \(name.prefix(100)); this server has \(text.name)",
        type: .notFound, param: "model", code: "model_not_found")
    }
    return model
  }

  private func tokenize(_ request: TokenizeRequest) throws -> Response {
    try requireServed(request.model)
    let tokens = text.tokenize(request.prompt, request.addsSpecial)
    return try .json(
      TokenList(count: tokens.count, maxModelLen: text.contextTokens, tokens: tokens))
  }

  private func detokenize(_ request: DetokenizeRequest) throws -> Response {
    try requireServed(request.model)
    return try .json(["prompt": text.detokenize(request.tokens)])
  }

  // MARK: Health

  private var metricsText: Response {
    Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text())))
  }

  /// Before the first plan there is nobody to wait for; afterwards a query waits for the next one.
  private func requireMembers() async throws {
    let status = await cluster.status()
    guard status.ready || status.takesQueries else { throw notReady(status) }
  }

  private func notReady(_ status: ClusterStatus) -> APIError {
    let missing = status.waitingFor.isEmpty ? "a plan" : status.waitingFor
    return APIError(
      status: .serviceUnavailable, message: "no plan stands: waiting for \(missing)",
      type: .unavailable, code: "not_ready", retryAfter: 2)
  }

  private func ready() async throws -> Response {
    if running.isStopping { throw APIError.stopping }
    try await requireReady()
    return try .json(Health(status: "ready"))
  }
}
