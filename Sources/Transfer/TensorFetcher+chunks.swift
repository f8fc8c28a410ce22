/// Who gives what.

internal import Checkpoints
internal import Logging
internal import Messaging
internal import Wire

extension TensorFetcher {
  /// How often a tensor may come wrong, and how long a source rests at first and at most.
  private static let failuresMax = 5
  private static let restSeconds = (first: 0.5, most: 20.0)

  /// Asks a source for one more chunk if its window has room and there is one; says whether it did.
  func ask(_ source: TensorSource, of job: FetchJob) throws -> Bool {
    guard source.asked.count < Self.window, let download = try next(for: source, of: job) else {
      return false
    }
    let length = min(Self.chunkBytes, download.tensor.byteCount - download.nextOffset)
    let request = TensorRequest(
      modelDigest: job.request.modelDigest, name: download.tensor.name,
      offset: download.nextOffset, length: length)
    if source.asked.isEmpty { source.lastHeard = clock.now }
    let chunk = TensorSource.Chunk(name: request.name, offset: request.offset)
    source.asked[chunk] = (download, length)
    download.nextOffset += length
    return try send(.tensorRequest(request), to: source, of: job)
  }

  /// What a source is to be asked for next: more of what it gives, or something new.
  private func next(for source: TensorSource, of job: FetchJob) throws -> TensorDownload? {
    if let begun = source.downloads.first(where: { $0.nextOffset < $0.tensor.byteCount }) {
      return begun
    }
    while let index = job.waiting.firstIndex(where: { isFor($0, source, job) }) {
      let download = job.waiting.remove(at: index)
      let partial = try PartialTensor(
        download.content, byteCount: download.tensor.byteCount, in: cache)
      download.partial = partial
      download.nextOffset = partial.prefixBytes
      job.cachedBytes += download.givers.isEmpty ? partial.resumedBytes : 0
      source.downloads.append(download)
      guard partial.isWhole else { return download }
      try finish(download, of: source, job)
    }
    return nil
  }

  /// Whether a source is the one to be asked for a tensor. The coordinator is where no peer that
  /// answers may have it.
  private func isFor(_ download: TensorDownload, _ source: TensorSource, _ job: FetchJob) -> Bool {
    guard !download.excluded.contains(source.number) else { return false }
    guard source.isCoordinator else { return true }
    return !job.sources.dropFirst().contains {
      $0.restsUntil == nil && !download.excluded.contains($0.number)
    }
  }

  private func receive(_ chunk: TensorChunk, from source: TensorSource, _ job: FetchJob) throws {
    let key = TensorSource.Chunk(name: chunk.name, offset: chunk.offset)
    // What was not asked for, or is asked of somebody else by now.
    guard let (download, length) = source.asked.removeValue(forKey: key),
      let partial = download.partial
    else { return }
    guard chunk.refusal.isEmpty else {
      logger.debug("\(source.address) does not give \(chunk.name): \(chunk.refusal)")
      download.excluded.insert(source.number)
      giveBack(download, of: source, job)
      return try requireGiver(of: download, job)
    }
    guard chunk.data.count == length else {
      download.excluded.insert(source.number)
      fail(source, of: job, "gives \(chunk.data.count) bytes where \(length) are asked for")
      return try requireGiver(of: download, job)
    }
    source.failures = 0
    source.receivedBytes += length
    job.fetchedBytes += length
    download.givers.insert(source.number)
    try partial.take(chunk.data, at: chunk.offset)
    if partial.isWhole { try finish(download, of: source, job) }
  }

  /// All bytes of a tensor are here: they are right, or it is fetched again from somebody else.
  private func finish(
    _ download: TensorDownload, of source: TensorSource, _ job: FetchJob
  ) throws {
    let resumedBytes = download.partial?.resumedBytes ?? 0
    source.downloads.removeAll { $0 === download }
    let isRight = try download.partial?.finish() == true
    download.partial = nil
    guard !isRight else {
      verified.insert(download.content)
      job.unfinished -= 1
      return
    }
    let givers = job.sources.filter { download.givers.contains($0.number) }
    let names = givers.map(\.address.description).joined(separator: ", ")
    logger.warning(
      """
      \(download.tensor.name) has other bytes than the coordinator says; they came from \
      \(names.isEmpty ? "the cache" : names); it is fetched again
      """)
    // Of several, or of one who went on with what was here, nobody knows whose fault it is.
    if givers.count == 1, resumedBytes == 0 { download.excluded.insert(givers[0].number) }
    download.givers = []
    download.failures += 1
    guard download.failures < Self.failuresMax else {
      throw TransferError(
        .unavailable, "\(download.tensor.name) came with wrong bytes \(download.failures) times",
        remedy: "Start the coordinator again if its checkpoint was replaced meanwhile")
    }
    job.waiting.insert(download, at: 0)
    try requireGiver(of: download, job)
  }

  /// Throws `.unavailable` if nobody is left who could give a tensor.
  private func requireGiver(of download: TensorDownload, _ job: FetchJob) throws {
    guard download.excluded.count >= job.sources.count else { return }
    throw TransferError(
      .unavailable, "no source has \(download.tensor.name) as the coordinator describes it",
      remedy: "Start the coordinator again if its checkpoint was replaced meanwhile")
  }

  /// Somebody else is to go on with a tensor.
  private func giveBack(_ download: TensorDownload, of source: TensorSource, _ job: FetchJob) {
    source.downloads.removeAll { $0 === download }
    source.asked = source.asked.filter { $0.value.download !== download }
    // The file is closed; what is in it is read again by whoever goes on.
    download.partial = nil
    job.waiting.insert(download, at: 0)
  }

  /// A source is not to be asked for a while; others go on with what it was giving.
  func fail(_ source: TensorSource, of job: FetchJob, _ reason: String) {
    source.socket?.close()
    source.socket = nil
    for download in source.downloads { giveBack(download, of: source, job) }
    source.asked = [:]
    if source.isCoordinator {
      for part in job.awaited.keys { job.awaited[part] = .some(nil) }
    }
    let rest = min(
      Self.restSeconds.most,
      Self.restSeconds.first * Double(1 << min(source.failures, 10)))
    source.failures += 1
    source.restsUntil = clock.now + .seconds(rest)
    logger.warning("\(source.address) \(reason); others are asked")
  }

  /// Sends, connecting first if need be; false where that failed.
  @discardableResult
  func send(_ message: Message, to source: TensorSource, of job: FetchJob) throws -> Bool {
    do {
      let socket = try source.socket ?? connect(source)
      try socket.send(try encode(message))
      return true
    } catch let error as MessagingError {
      fail(source, of: job, "cannot be asked: \(error)")
      return false
    }
  }

  private func connect(_ source: TensorSource) throws(MessagingError) -> Socket {
    // Closed with its fetch, so that it never speaks of another's sources.
    let number = source.number
    let socket = try TensorSockets.connect(
      to: source.holder, on: reactor, window: Self.window, keys: keys?.own,
      isTrusted: isTrusted(source), isInsecure: isInsecure,
      received: { [weak self] bytes in
        self?.assumeIsolated { $0.receive(bytes, from: number) }
      },
      ended: { [weak self] reason in
        self?.assumeIsolated { fetcher in
          guard let job = fetcher.job else { return }
          fetcher.fail(job.sources[number], of: job, reason)
          fetcher.proceed()
        }
      })
    source.socket = socket
    return socket
  }

  /// Whether a source may be taken from: the coordinator, and whose key the coordinator names.
  func isTrusted(_ source: TensorSource) -> Bool {
    guard let keys, !source.isCoordinator else { return true }
    return source.holder.key.map(keys.peers.contains) ?? false
  }

  private func receive(_ bytes: [UInt8], from number: Int) {
    guard let job else { return }
    let source = job.sources[number]
    source.lastHeard = clock.now
    do {
      switch try decode(bytes) {
      case .tensorChunk(let chunk): try receive(chunk, from: source, job)
      case .manifest(let manifest) where source.isCoordinator: try receive(manifest, job)
      case let message: logger.debug("dropped \(message.name) of \(source.address)")
      }
    } catch let fault as WireFault {
      fail(source, of: job, "sends what is no message: \(fault)")
    } catch {
      return finish(.failure(error))
    }
    proceed()
  }
}
