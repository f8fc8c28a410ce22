/// Referring queries: from the client's message to its answer.

internal import Checkpoints
internal import Messaging
internal import Referring
internal import Wire

/// A query that is being prepared beside the state machine.
struct Preparation: Sendable {
  /// Tells it from an earlier one of the same name.
  let ticket: UInt64
  let message: ReferringQueryMessage
  let arrived: Double

  var imageBytes: Int { message.images.reduce(0) { $0 + $1.count } }
}

extension CoordinatorState {
  mutating func receive(_ message: ReferringQueryMessage, from client: PeerIdentity, now: Double) {
    let name = QueryName(client: client, number: message.query)
    do {
      try admit(message, as: name)
      lastTicket += 1
      let preparation = Preparation(ticket: lastTicket, message: message, arrived: now)
      preparing[name] = preparation
      preparingBytes += preparation.imageBytes
      actions.append(.prepare(name, preparation))
    } catch {
      refuse(name, error)
    }
  }

  /// A query has been prepared, or it turned out that it cannot be answered.
  mutating func prepared(
    _ name: QueryName, ticket: UInt64, _ result: Result<PreparedQuery, CoordinatorError>,
    now: Double
  ) {
    // Cancelled meanwhile, and perhaps asked anew.
    guard let preparation = preparing[name], preparation.ticket == ticket else { return }
    forgetPreparation(name)
    do throws(CoordinatorError) {
      try accept(preparation, as: name, try result.get())
    } catch {
      refuse(name, error)
    }
    advance(now: now)
  }

  /// Whether there is room for another query. Throws `.overloaded` and `.invalidQuery`.
  private func admit(
    _ message: ReferringQueryMessage, as name: QueryName
  ) throws(CoordinatorError) {
    let count = queries.count + preparing.count
    guard count < settings.queriesMax else {
      throw CoordinatorError(
        .overloaded, "\(count) queries are waiting or being answered",
        remedy: "Try again later", retryAfterSeconds: measurements.retryAfterSeconds)
    }
    try requireShare(name.client)
    guard names[name] == nil, preparing[name] == nil else {
      throw CoordinatorError(.invalidQuery, "query \(name.number) is asked already")
    }
    guard message.images.count <= featureCredits else {
      throw CoordinatorError(
        .invalidQuery,
        "\(message.images.count) images are too many: at most \(featureCredits) are held")
    }
    let held = files.byteCount + preparingBytes
    let more = message.images.reduce(0) { $0 + $1.count }
    guard held + more <= settings.imageBytesMax else {
      throw CoordinatorError(
        .overloaded, "images of \(held) bytes belong to queries that are being answered",
        remedy: "Try again later", retryAfterSeconds: measurements.retryAfterSeconds)
    }
  }

  private mutating func accept(
    _ preparation: Preparation, as name: QueryName, _ prepared: PreparedQuery
  ) throws(CoordinatorError) {
    let newTokensMax = try newTokens(of: preparation.message, prepared.prompt)
    var images: [QueryImage] = []
    for image in prepared.images {
      let file = files.add(image.file, digest: image.fileDigest)
      images.append(
        QueryImage(
          file: file, fileDigest: image.fileDigest, geometry: image.geometry, digest: image.digest))
    }
    lastSequence += 1
    let query = ActiveQuery(
      name: name, message: preparation.message,
      prepared: PreparedQuery(prompt: prepared.prompt, images: images), newTokensMax: newTokensMax,
      arrived: preparation.arrived, model: model)
    queries[lastSequence] = query
    names[name] = lastSequence
    nextDeadline = min(nextDeadline, query.deadline)
    if pipeline == nil { queriesAwaitingPlan.append(lastSequence) } else { begin(lastSequence) }
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

  /// Hands a query to the pipeline's scheduler, and asks for the images that it needs.
  mutating func begin(_ sequence: SequenceID) {
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
    queries[sequence]?.newTokensMax = min(query.newTokensMax, room)
    let prepared = PreparedQuery(prompt: query.prompt, images: query.images)
    pipeline?.scheduler.add(
      sequence, user: query.options.user, tokens: query.tokens,
      promptCount: query.prompt.tokens.count, images: prepared.sequenceImages)
    if pipeline?.scheduler.missingImages(sequence).isEmpty == false { wantFeatures(sequence) }
  }

  /// A token of a sequence has been sampled.
  mutating func append(_ token: SampledToken, to sequence: SequenceID, now: Double) {
    guard let name = queries[sequence]?.name else { return }
    // Read before the query is opened for writing: all of `self` is, where this is optimised.
    let model = model
    guard let (output, end) = queries[sequence]?.append(token, model: model) else { return }
    measureToken(of: sequence, now: now)
    if !output.text.isEmpty || !output.tokens.isEmpty {
      let text = AnswerText(query: name.number, text: output.text, tokens: output.tokens)
      send(.answerText(text), to: name.client)
    }
    if let end {
      finish(sequence, end, now: now)
    } else {
      pipeline?.scheduler.append(token.tokenID, to: sequence)
    }
  }

  private mutating func measureToken(of sequence: SequenceID, now: Double) {
    guard let query = queries[sequence] else { return }
    if let last = query.lastToken {
      measurements.betweenTokens(now - last)
    } else {
      queries[sequence]?.firstToken = now
      measurements.firstToken(after: now - query.arrived)
    }
    queries[sequence]?.lastToken = now
  }

  private mutating func finish(
    _ sequence: SequenceID, _ reason: Answer.FinishReason, now: Double
  ) {
    guard let query = queries[sequence], let pipeline else { return }
    let text = query.answer.text
    let regions = AnswerRegions.find(
      in: text, notation: model.notation, images: query.images.map(\.geometry))
    let found = regions.map { AnswerRegion(region: WireRegion($0.region), text: $0.text) }
    let answer = Answer(
      query: query.name.number, text: text, finishReason: reason,
      regions: found.filter {
        $0.region.coordinates.count <= WireLimits.standard.regionCoordinates
      },
      promptTokens: query.prompt.tokens.count,
      imageTokens: query.prompt.images.reduce(0) { $0 + $1.rows }, newTokens: query.newTokens,
      imageSeconds: query.imagesReady.map { $0 - query.arrived } ?? 0,
      firstTokenSeconds: (query.firstToken ?? now) - query.arrived,
      totalSeconds: now - query.arrived, processes: query.reports(pipeline.stages),
      cachedTokens: pipeline.scheduler.cachedTokens(sequence),
      queuedSeconds: (query.firstIssued ?? now) - query.arrived)
    send(.answer(answer), to: query.name.client)
    measurements.answered(now: now)
    remove(sequence)
  }

  // MARK: other ends

  /// Ends a query with an error.
  mutating func fail(
    _ sequence: SequenceID, _ code: WireError.Code, _ text: String, remedy: String = ""
  ) {
    guard let query = queries[sequence] else { return }
    report(.failedQuery(reason: text))
    measurements.failed(code)
    // A member's own words may stand in it, as long as a message can be.
    let shortened = String(text.unicodeScalars.prefix(1000))
    let error = WireError(code: code, text: shortened, remedy: remedy)
    send(.error(error.about(query: query.name.number)), to: query.name.client)
    remove(sequence)
  }

  /// Says that a query is not taken.
  private mutating func refuse(_ name: QueryName, _ error: CoordinatorError) {
    report(.failedQuery(reason: error.message))
    measurements.failed(error.wireCode)
    let wire = WireError(
      code: error.wireCode, text: error.message, remedy: error.remedy,
      retryAfterSeconds: error.retryAfterSeconds)
    send(.error(wire.about(query: name.number)), to: name.client)
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
    let name = QueryName(client: client, number: number)
    forgetPreparation(name)
    if let sequence = names[name] { remove(sequence) }
  }

  mutating func forgetClient(_ client: PeerIdentity) {
    clients.remove(client)
    for name in preparing.keys where name.client == client { forgetPreparation(name) }
    for (name, sequence) in names where name.client == client { remove(sequence) }
  }

  private mutating func forgetPreparation(_ name: QueryName) {
    guard let preparation = preparing.removeValue(forKey: name) else { return }
    preparingBytes -= preparation.imageBytes
  }

  private mutating func remove(_ sequence: SequenceID) {
    guard let query = queries.removeValue(forKey: sequence) else { return }
    names[query.name] = nil
    for image in query.images { files.remove(image.fileDigest) }
    pipeline?.scheduler.remove(sequence)
    pipeline?.features.release(query.features.values, of: sequence)
    queriesAwaitingImages.removeAll { $0 == sequence }
    queriesAwaitingPlan.removeAll { $0 == sequence }
  }
}
