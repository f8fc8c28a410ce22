/// What is to be fetched.

internal import Checkpoints
internal import Logging
internal import Messaging
internal import Wire

extension TensorFetcher {
  /// Manifests that are asked for at once, and after what silence again.
  private static let manifestsAtOnce = 4
  private static let manifestPatience = Duration.seconds(10)

  func askForManifests(_ job: FetchJob) throws {
    let coordinator = job.sources[0]
    guard coordinator.restsUntil == nil else { return }
    let now = clock.now
    var open = job.awaited.values.count { $0.map { now - $0 < Self.manifestPatience } ?? false }
    for part in job.awaited.keys.sorted() where open < Self.manifestsAtOnce {
      if let asked = job.awaited[part] ?? nil, now - asked < Self.manifestPatience { continue }
      job.awaited[part] = .some(now)
      open += 1
      let request = ManifestRequest(modelDigest: job.request.modelDigest, part: part)
      try send(.manifestRequest(request), to: coordinator, of: job)
    }
  }

  func receive(_ manifest: Manifest, _ job: FetchJob) throws {
    guard manifest.modelDigest == job.request.modelDigest,
      job.awaited.removeValue(forKey: manifest.part) != nil
    else { return }
    guard manifest.refusal.isEmpty else {
      throw TransferError(
        .refused, "the coordinator does not describe the model: \(manifest.refusal)")
    }
    guard !manifest.part.isEmpty else {
      job.configurationFiles = manifest.files.map { ($0.name, $0.content) }
      let outline = try Checkpoint(
        named: cache.directory, configurationFiles: job.configurationFiles, tensors: [])
      for part in job.request.parts(outline.configuration) where !part.isEmpty {
        job.awaited[part] = .some(nil)
      }
      return
    }
    for tensor in manifest.tensors {
      guard tensor.name.hasPrefix(manifest.part) else {
        throw TransferError(
          .refused, "the coordinator describes \(tensor.name) as a part of \(manifest.part)")
      }
      _ = try tensor.description()
    }
    try add(manifest.tensors, to: job)
  }

  private func add(_ tensors: [ManifestTensor], to job: FetchJob) throws {
    job.tensors += tensors
    let new = Dictionary(tensors.map { (ContentName($0.digest), $0) }) { first, _ in first }
      .filter { job.needed[$0.key] == nil }
    for (content, tensor) in new { job.needed[content] = tensor.byteCount }
    try cache.makeRoom(for: job.needed)
    for (content, tensor) in new.sorted(by: { $0.value.name < $1.value.name }) {
      var wasDamaged = false
      let isHere =
        verified.contains(content) && cache.isWhole(content, byteCount: tensor.byteCount)
        || cache.holds(content, byteCount: tensor.byteCount, wasDamaged: &wasDamaged)
      if wasDamaged {
        logger.warning("\(tensor.name) was damaged in the cache; it is fetched again")
      }
      guard !isHere else {
        verified.insert(content)
        job.cachedBytes += tensor.byteCount
        continue
      }
      job.waiting.append(TensorDownload(tensor, content))
      job.unfinished += 1
    }
  }
}
