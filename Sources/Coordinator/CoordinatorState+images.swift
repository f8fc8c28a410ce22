/// Images on their way through a vision node to stage 0.

internal import Messaging
internal import Wire

extension CoordinatorState {
  /// Images that stage 0 holds at once: as many as there are credits, and bytes.
  static func featureCredits(_ model: ServedModel, _ settings: CoordinatorSettings) -> Int {
    min(settings.featureCredits, max(1, settings.featureBytesMax / model.featureBytes))
  }

  var featureCredits: Int { Self.featureCredits(model, settings) }

  /// Whose images are next: of the user who was served least, the query that came first.
  private var nextAwaitingImages: SequenceID? {
    guard queriesAwaitingImages.count > 1, let queue = pipeline?.scheduler.queue else {
      return queriesAwaitingImages.first
    }
    return queriesAwaitingImages.map { sequence in
      (served: queue.served(queries[sequence]?.options.user ?? ""), sequence: sequence)
    }.min { $0 < $1 }?.sequence
  }

  /// A sequence cannot go on without features of its images.
  mutating func wantFeatures(_ sequence: SequenceID) {
    guard queries[sequence]?.wantsFeatures == false else { return }
    queries[sequence]?.wantsFeatures = true
    queriesAwaitingImages.append(sequence)
  }

  /// Asks vision nodes for the images of waiting queries, as far as stage 0 has room.
  mutating func requestImages() {
    guard pipeline?.isReady == true else { return }
    while let sequence = nextAwaitingImages {
      let missing = pipeline?.scheduler.missingImages(sequence) ?? []
      guard acquire(missing.map(\.digest), for: sequence) else { break }
      queriesAwaitingImages.removeAll { $0 == sequence }
    }
    dispatchImages()
  }

  /// Takes room at stage 0 for images of a query; false if there is none.
  private mutating func acquire(_ digests: [ContentDigest], for sequence: SequenceID) -> Bool {
    guard let query = queries[sequence], let epoch = pipeline?.epoch else { return true }
    guard !digests.isEmpty else {
      // Others have brought them into the KV cache meanwhile.
      queries[sequence]?.wantsFeatures = false
      return true
    }
    let images = digests.compactMap { digest in query.images.first { $0.digest == digest } }
    let acquired = pipeline?.features.acquire(digests, for: sequence) { index, number in
      EncodeImage(
        epoch: epoch, image: number, fileDigest: images[index].fileDigest,
        file: images[index].file, geometry: WireImageGeometry(images[index].geometry))
    }
    guard let acquired else { return false }
    release(acquired.evicted)
    for (digest, number) in zip(digests, acquired.numbers) {
      queries[sequence]?.features[digest] = number
    }
    for number in Set(acquired.numbers) where pipeline?.features[number]?.isReady == true {
      featuresHere(number, for: sequence)
    }
    return true
  }

  /// Sends images to the vision nodes with the fewest in hand; they wait if there is none.
  private mutating func dispatchImages() {
    guard let waiting = pipeline?.features.undispatched, !waiting.isEmpty else { return }
    let idle = visionNodes.filter { !draining.keys.contains($0.peer) }
    let nodes = idle.isEmpty ? visionNodes : idle
    for image in waiting {
      guard let features = pipeline?.features, let request = features[image]?.request else {
        continue
      }
      let node = nodes.min { features.outstanding($0.peer) < features.outstanding($1.peer) }
      guard let node else { return }
      pipeline?.features.dispatch(image, to: node.peer)
      send(.encodeImage(request), to: node.peer)
    }
  }

  mutating func receive(_ ready: FeaturesReady, from peer: PeerIdentity, now: Double) {
    guard let pipeline, pipeline.first == peer, ready.epoch == pipeline.epoch else {
      report(.dropped("features of image \(ready.image), which are of another plan"))
      // Stage 0 may have kept them, where it is the one of the plan before.
      if pipeline?.first == peer, pipeline?.features[ready.image] == nil { release([ready.image]) }
      return
    }
    guard let entry = pipeline.features[ready.image] else {
      // A vision node that was given up had sent them after all; stage 0 must not keep them.
      report(.dropped("features of image \(ready.image), which nobody waits for"))
      release([ready.image])
      return
    }
    guard !entry.isReady else {
      report(.dropped("features of image \(ready.image), which came twice"))
      return
    }
    guard ready.rows == model.imageRows else {
      self.pipeline?.features.remove(ready.image)
      release([ready.image])
      for sequence in entry.users.sorted() {
        fail(
          sequence, .internal,
          "an image came as \(ready.rows) token positions, where it takes \(model.imageRows)")
      }
      return
    }
    self.pipeline?.features.setReady(ready.image)
    tellDrained()
    if let node = entry.node.flatMap({ members[$0] }), let first = entry.users.min() {
      queries[first]?.add(node, encodeSeconds: ready.decodeSeconds + ready.encodeSeconds)
    }
    trace(ready, encodedBy: entry.node, now: now)
    for sequence in entry.users.sorted() {
      featuresHere(ready.image, for: sequence)
      let isWaiting = queries[sequence]?.features.values.contains {
        self.pipeline?.features[$0]?.isReady == false
      }
      if isWaiting == false, queries[sequence]?.imagesReady == nil {
        queries[sequence]?.imagesReady = now
      }
    }
  }

  private mutating func featuresHere(_ number: UInt64, for sequence: SequenceID) {
    guard let digest = pipeline?.features[number]?.digest else { return }
    pipeline?.scheduler.setReady(true, images: { $0.digest == digest }, of: sequence)
  }

  /// Another stage 0 has no images: whoever needs some asks for them again.
  mutating func askForImagesAgain() {
    ended.featureHits += pipeline?.features.hits ?? 0
    let empty = FeatureCache(capacity: featureCredits)
    pipeline?.features = empty
    queriesAwaitingImages = []
    for sequence in queries.keys.sorted() {
      queries[sequence]?.features = [:]
      queries[sequence]?.wantsFeatures = false
      if pipeline?.scheduler.missingImages(sequence).isEmpty == false { wantFeatures(sequence) }
    }
  }

  /// All of a sequence's prompt is on its way: the features of its images are needed no more.
  mutating func releaseFeatures(of sequence: SequenceID) {
    guard let query = queries[sequence], query.wantsFeatures else { return }
    pipeline?.features.release(query.features.values, of: sequence)
    pipeline?.scheduler.setReady(false, images: { _ in true }, of: sequence)
    queries[sequence]?.features = [:]
    queries[sequence]?.wantsFeatures = false
    queriesAwaitingImages.removeAll { $0 == sequence }
  }

  /// Frees the room of images at stage 0.
  private mutating func release(_ images: [UInt64]) {
    guard let pipeline, !images.isEmpty else { return }
    send(
      .releaseFeatures(ReleaseFeatures(epoch: pipeline.epoch, images: images)), to: pipeline.first)
  }

  /// A member could not do what it was asked.
  mutating func receive(_ error: WireError, from peer: PeerIdentity, now: Double) {
    if let image = error.image, let entry = pipeline?.features[image], !entry.isReady,
      peer == entry.node || peer == pipeline?.first
    {
      failImage(image, error.code, error.text, remedy: error.remedy)
      return
    }
    if couldNotCarry(error, peer, now: now) { return }
    if pipeline?.contains(peer) == true, error.epoch == pipeline?.epoch {
      lose(peer, reason: error.text, now: now)
      return
    }
    report(.dropped("an error of \(members[peer]?.name ?? peer.description): \(error.text)"))
  }

  /// An image cannot be encoded: the queries that need it fail.
  mutating func failImage(
    _ image: UInt64, _ code: WireError.Code, _ text: String, remedy: String = ""
  ) {
    let users = pipeline?.features[image]?.users.sorted() ?? []
    pipeline?.features.remove(image)
    for sequence in users { fail(sequence, code, text, remedy: remedy) }
  }
}
