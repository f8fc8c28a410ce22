/// Images on their way through a vision node to stage 0.

internal import Crypto
internal import Messaging
internal import Wire

/// An image that stage 0 has room for.
struct EncodingImage: Sendable {
  /// The vision node that encodes it; nil until there is one.
  var node: PeerIdentity?
  /// The query that it belongs to; nil once that has ended.
  var sequence: SequenceID?
  /// What the node is asked, for as long as it may have to be asked of another.
  var request: EncodeImage?
}

extension CoordinatorState {
  /// Asks vision nodes for the images of waiting queries, as far as stage 0 has room.
  mutating func requestImages() {
    guard let pipeline, pipeline.isReady else { return }
    for image in images.keys.sorted() where images[image]?.node == nil { dispatch(image) }
    while let sequence = queriesAwaitingImages.first, let query = queries[sequence],
      images.count + query.files.count <= settings.featureCredits
    {
      queriesAwaitingImages.removeFirst()
      for (file, geometry) in zip(query.files, query.geometries) {
        lastImage += 1
        let request = EncodeImage(
          epoch: pipeline.epoch, image: lastImage, fileDigest: Array(SHA256.hash(data: file)),
          file: file, geometry: WireImageGeometry(geometry))
        images[lastImage] = EncodingImage(sequence: sequence, request: request)
        queries[sequence]?.images.append(lastImage)
        dispatch(lastImage)
      }
      queries[sequence]?.files = []
    }
  }

  /// Sends an image to the vision node with the fewest in hand; it waits if there is none.
  private mutating func dispatch(_ image: UInt64) {
    guard let request = images[image]?.request else { return }
    let node = visionNodes.min { outstanding($0.peer) < outstanding($1.peer) }
    guard let node else { return }
    images[image]?.node = node.peer
    send(.encodeImage(request), to: node.peer)
  }

  private func outstanding(_ node: PeerIdentity) -> Int {
    images.values.count { $0.node == node && $0.request != nil }
  }

  /// A vision node is gone: what it had in hand is encoded by another.
  mutating func encodeElsewhere(_ node: PeerIdentity) {
    for (image, entry) in images where entry.node == node && entry.request != nil {
      images[image]?.node = nil
      if entry.sequence == nil { images[image] = nil }
    }
  }

  mutating func receive(_ ready: FeaturesReady, from peer: PeerIdentity, now: Double) {
    guard let pipeline, pipeline.first == peer, ready.epoch == pipeline.epoch else {
      report(.dropped("features of image \(ready.image), which are of another plan"))
      return
    }
    guard let entry = images[ready.image] else {
      // A vision node that was given up had sent them after all; stage 0 must not keep them.
      report(.dropped("features of image \(ready.image), which nobody waits for"))
      release([ready.image], of: pipeline)
      return
    }
    guard entry.request != nil else {
      report(.dropped("features of image \(ready.image), which came twice"))
      return
    }
    images[ready.image]?.request = nil
    guard let sequence = entry.sequence, queries[sequence] != nil else {
      releaseImages([ready.image])
      return
    }
    guard ready.rows == model.imageRows else {
      fail(
        sequence, .internal,
        "an image came as \(ready.rows) token positions, where it takes \(model.imageRows)")
      return
    }
    if let node = entry.node.flatMap({ members[$0] }) {
      queries[sequence]?.report(
        ProcessReport(
          name: node.name, processID: node.processID, work: "encodes images", completed: 1,
          busySeconds: ready.decodeSeconds + ready.encodeSeconds))
    }
    queries[sequence]?.imagesMissing -= 1
    if queries[sequence]?.imagesMissing == 0 { beginSequence(sequence, now: now) }
  }

  /// Frees the room of images that stage 0 holds, and forgets those that are still being encoded as
  /// soon as they arrive.
  mutating func releaseImages(_ released: [UInt64]) {
    guard let pipeline else { return }
    var held: [UInt64] = []
    for image in released {
      guard let entry = images[image] else { continue }
      if entry.request != nil, entry.node != nil {
        images[image]?.sequence = nil
      } else {
        if entry.request == nil { held.append(image) }
        images[image] = nil
      }
    }
    if !held.isEmpty { release(held, of: pipeline) }
  }

  private mutating func release(_ images: [UInt64], of pipeline: Pipeline) {
    send(
      .releaseFeatures(ReleaseFeatures(epoch: pipeline.epoch, images: images)), to: pipeline.first)
  }

  /// A member could not do what it was asked.
  mutating func receive(_ error: WireError, from peer: PeerIdentity, now: Double) {
    if let image = error.image, let entry = images[image], entry.request != nil,
      peer == entry.node || peer == pipeline?.first
    {
      images[image] = nil
      if let sequence = entry.sequence {
        fail(sequence, error.code, error.text, remedy: error.remedy)
      }
      return
    }
    if pipeline?.contains(peer) == true, error.epoch == pipeline?.epoch {
      lose(peer, reason: error.text, now: now)
      return
    }
    report(.dropped("an error of \(members[peer]?.name ?? peer.description): \(error.text)"))
  }
}
