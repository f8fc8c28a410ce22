/// Referring queries: from the client's message to its answer.

internal import Checkpoints
internal import Imaging
internal import Messaging
internal import Referring
internal import Tokenizing
internal import Wire

extension CoordinatorState {
  mutating func receive(_ message: ReferringQueryMessage, from client: PeerIdentity, now: Double) {
    do {
      try accept(message, from: client, now: now)
    } catch {
      let wire = WireError(code: error.wireCode, text: error.message, remedy: error.remedy)
      report(.failedQuery(reason: error.message))
      send(.error(wire.about(query: message.query)), to: client)
    }
  }

  private mutating func accept(
    _ message: ReferringQueryMessage, from client: PeerIdentity, now: Double
  ) throws(CoordinatorError) {
    guard queries.count < settings.queriesMax else {
      throw CoordinatorError(
        .overloaded, "\(queries.count) queries are waiting or being answered",
        remedy: "Try again later")
    }
    guard
      !queries.values.contains(where: { $0.client == client && $0.clientQuery == message.query })
    else { throw CoordinatorError(.invalidQuery, "query \(message.query) is asked already") }
    guard message.images.count <= settings.featureCredits else {
      throw CoordinatorError(
        .invalidQuery,
        "\(message.images.count) images are too many: at most \(settings.featureCredits) are held")
    }
    let waitingBytes = imageBytes
    guard waitingBytes + message.images.byteCount <= settings.imageBytesMax else {
      throw CoordinatorError(
        .overloaded, "images of \(waitingBytes) bytes are waiting to be encoded",
        remedy: "Try again later")
    }
    let geometries = try geometries(of: message.images)
    let prompt = try prompt(of: message, geometries)
    let newTokensMax = try newTokens(of: message, prompt)
    let deadline =
      message.deadlineMilliseconds == 0
      ? .infinity : now + Double(message.deadlineMilliseconds) / 1000
    nextDeadline = min(nextDeadline, deadline)
    lastSequence += 1
    queries[lastSequence] = ActiveQuery(
      client: client, clientQuery: message.query, prompt: prompt, geometries: geometries,
      sampling: message.sampling, newTokensMax: newTokensMax, minTokens: message.minTokens,
      ignoresEnd: message.ignoreEnd, logProbabilities: message.logProbabilities, arrived: now,
      deadline: deadline, imagesMissing: message.images.count, files: message.images,
      answer: AnswerStream(model.tokenizer, stop: message.stop))
    if message.images.isEmpty {
      queriesWithoutImages.append(lastSequence)
    } else {
      queriesAwaitingImages.append(lastSequence)
    }
  }

  /// Bytes of all image files that are waiting or being encoded.
  private var imageBytes: Int {
    queries.values.reduce(0) { $0 + $1.files.byteCount }
      + images.values.reduce(0) { $0 + ($1.request?.file.count ?? 0) }
  }

  private func geometries(of files: [[UInt8]]) throws(CoordinatorError) -> [ImageGeometry] {
    var geometries: [ImageGeometry] = []
    for (index, file) in files.enumerated() {
      let subject = files.count == 1 ? "the image" : "image \(index)"
      let header: ImageHeader
      do throws(ImagingError) {
        try ImageLimits.standard.check(byteCount: file.count)
        header = try ImageHeader(reading: file)
        try ImageLimits.standard.check(header)
      } catch {
        throw CoordinatorError(
          .invalidImage, "\(subject) cannot be read: \(error.message)", remedy: error.remedy)
      }
      do throws(ReferringError) {
        geometries.append(
          try model.geometry(width: header.displayedWidth, height: header.displayedHeight))
      } catch {
        throw CoordinatorError(
          .invalidImage, "\(subject): \(error.message)", remedy: error.remedy)
      }
    }
    return geometries
  }

  private func prompt(
    of message: ReferringQueryMessage, _ geometries: [ImageGeometry]
  ) throws(CoordinatorError) -> Prompt {
    if let prompt = message.prompt { return try model.assemble(prompt) }
    var query = ReferringQuery(message)
    if query.system == nil { query.system = model.system }
    let shown = query.turns.flatMap(\.images)
    guard shown.sorted() == Array(geometries.indices) else {
      throw CoordinatorError(
        .invalidQuery, "the turns show the images \(shown), the query has \(geometries.count)",
        remedy: "Every image is shown in exactly one turn")
    }
    let pieces: [PromptPiece]
    do throws(ReferringError) {
      pieces = try model.rendering.render(query, images: geometries)
    } catch {
      throw CoordinatorError(.invalidQuery, error.message, remedy: error.remedy)
    }
    return try model.assemble(pieces)
  }

  /// How many tokens the answer may take: what was asked for, as far as the context reaches.
  private func newTokens(
    of message: ReferringQueryMessage, _ prompt: Prompt
  ) throws(CoordinatorError) -> Int {
    let context = contextMax
    guard prompt.tokens.count < context else {
      throw CoordinatorError(
        .invalidQuery,
        "the prompt takes \(prompt.tokens.count) tokens; the context holds \(context)",
        remedy: "Shorten the conversation, or show fewer images")
    }
    let asked = message.newTokensMax == 0 ? settings.newTokensDefault : message.newTokensMax
    return min(asked, context - prompt.tokens.count)
  }

  /// Positions that a sequence may have.
  var contextMax: Int {
    let model = model.configuration.text.contextMax
    let most = min(model, WireLimits.standard.spanBlocks * settings.kvBlockTokens)
    if let pipeline { return min(most, pipeline.scheduler.sequenceTokensMax) }
    return settings.kvTokens.map { min(most, $0) } ?? most
  }

  /// All images of a query are at stage 0: its sequence can be computed.
  mutating func beginSequence(_ sequence: SequenceID, now: Double) {
    guard let query = queries[sequence], let capacity = pipeline?.scheduler.sequenceTokensMax else {
      return
    }
    let room = capacity - query.prompt.tokens.count
    guard room > 0 else {
      fail(
        sequence, .invalidQuery,
        "the prompt takes \(query.prompt.tokens.count) tokens; "
          + "the cluster has \(capacity) KV positions",
        remedy: "Shorten the conversation, or give the workers more memory")
      return
    }
    // The query may have come before the plan that says how much room there is.
    let newTokensMax = min(query.newTokensMax, room)
    queries[sequence]?.newTokensMax = newTokensMax
    queries[sequence]?.imagesReady = now
    pipeline?.scheduler.add(
      sequence, promptTokens: query.prompt.tokens.count, newTokensMax: newTokensMax)
  }

  /// A token of a sequence has been sampled.
  mutating func append(_ token: SampledToken, to sequence: SequenceID, now: Double) {
    guard let query = queries[sequence] else { return }
    if query.firstToken == nil {
      queries[sequence]?.firstToken = now
      releaseImages(query.images)
    }
    guard let (output, end) = queries[sequence]?.append(token, model: model) else { return }
    if !output.text.isEmpty || !output.tokens.isEmpty {
      let text = AnswerText(query: query.clientQuery, text: output.text, tokens: output.tokens)
      send(.answerText(text), to: query.client)
    }
    if let end {
      finish(sequence, end, now: now)
    } else {
      pipeline?.scheduler.resume(sequence, at: query.nextPosition)
    }
  }

  private mutating func finish(
    _ sequence: SequenceID, _ reason: Answer.FinishReason, now: Double
  ) {
    guard let query = queries[sequence] else { return }
    let regions = AnswerRegions.find(
      in: query.answer.text, notation: model.notation, images: query.geometries)
    let found = regions.map { AnswerRegion(region: WireRegion($0.region), text: $0.text) }
    let answer = Answer(
      query: query.clientQuery, text: query.answer.text, finishReason: reason,
      regions: found.filter {
        $0.region.coordinates.count <= WireLimits.standard.regionCoordinates
      },
      promptTokens: query.prompt.tokens.count,
      imageTokens: query.prompt.images.reduce(0) { $0 + $1.rows }, newTokens: query.tokens.count,
      imageSeconds: query.geometries.isEmpty ? 0 : (query.imagesReady ?? now) - query.arrived,
      firstTokenSeconds: (query.firstToken ?? now) - query.arrived,
      totalSeconds: now - query.arrived, processes: query.reports)
    send(.answer(answer), to: query.client)
    remove(sequence)
  }

  /// Ends a query with an error.
  mutating func fail(
    _ sequence: SequenceID, _ code: WireError.Code, _ text: String, remedy: String = ""
  ) {
    guard let query = queries[sequence] else { return }
    report(.failedQuery(reason: text))
    // A member's own words may stand in it, as long as a message can be.
    let shortened = String(text.unicodeScalars.prefix(1000))
    let error = WireError(code: code, text: shortened, remedy: remedy)
    send(.error(error.about(query: query.clientQuery)), to: query.client)
    remove(sequence)
  }

  /// Queries whose time is over fail.
  mutating func expireQueries(now: Double) {
    guard now >= nextDeadline else { return }
    for (sequence, query) in queries where query.deadline <= now {
      fail(
        sequence, .deadline,
        "no whole answer came within \(milliseconds(query.deadline - query.arrived))",
        remedy: "Ask for fewer tokens, or allow more time")
    }
    nextDeadline = queries.values.reduce(.infinity) { min($0, $1.deadline) }
  }

  mutating func cancelQuery(_ number: UInt64, of client: PeerIdentity) {
    for (sequence, query) in queries where query.client == client && query.clientQuery == number {
      remove(sequence)
    }
  }

  mutating func forgetClient(_ client: PeerIdentity) {
    clients.remove(client)
    for (sequence, query) in queries where query.client == client { remove(sequence) }
  }

  private mutating func remove(_ sequence: SequenceID) {
    guard let query = queries.removeValue(forKey: sequence) else { return }
    pipeline?.scheduler.remove(sequence)
    queriesAwaitingImages.removeAll { $0 == sequence }
    queriesWithoutImages.removeAll { $0 == sequence }
    releaseImages(query.images)
  }
}

extension [[UInt8]] {
  fileprivate var byteCount: Int { reduce(0) { $0 + $1.count } }
}
