/// A query as the decoder takes it: everything that takes time and needs no state, so that it can be
/// done beside the thread that serves the sockets.

internal import Checkpoints
internal import Crypto
internal import Imaging
internal import Referring
internal import Wire

/// An image of a query.
struct QueryImage: Sendable {
  let file: [UInt8]
  /// SHA-256 of the file.
  let fileDigest: [UInt8]
  let geometry: ImageGeometry
  /// What tells its features apart from all others.
  let digest: ContentDigest
}

/// A query's prompt and images.
struct PreparedQuery: Sendable {
  let prompt: Prompt
  let images: [QueryImage]

  /// The images where they stand in the prompt.
  var sequenceImages: [SequenceImage] {
    prompt.images.map { image in
      SequenceImage(
        digest: images[image.image].digest,
        positions: image.firstToken..<image.firstToken + image.rows)
    }
  }
}

extension ServedModel {
  /// Reads the images' headers, writes the prompt, and computes digests.
  ///
  /// Throws `.invalidImage` and `.invalidQuery`.
  func prepare(_ message: ReferringQueryMessage) throws(CoordinatorError) -> PreparedQuery {
    if let raw = message.prompt { return PreparedQuery(prompt: try assemble(raw), images: []) }
    let geometries = try geometries(of: message.images)
    let prompt = try prompt(of: message, geometries)
    let images = zip(message.images, geometries).map { file, geometry in
      let fileDigest = Array(SHA256.hash(data: file))
      return QueryImage(
        file: file, fileDigest: fileDigest, geometry: geometry,
        digest: ContentDigest(
          fileDigest: fileDigest, geometry: WireImageGeometry(geometry), encoder: digest))
    }
    return PreparedQuery(prompt: prompt, images: images)
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
          try geometry(width: header.displayedWidth, height: header.displayedHeight))
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
    var query = ReferringQuery(message)
    if query.system == nil { query.system = system }
    let shown = query.turns.flatMap(\.images)
    guard shown.sorted() == Array(geometries.indices) else {
      throw CoordinatorError(
        .invalidQuery, "the turns show the images \(shown), the query has \(geometries.count)",
        remedy: "Every image is shown in exactly one turn")
    }
    let pieces: [PromptPiece]
    do throws(ReferringError) {
      pieces = try rendering.render(query, images: geometries)
    } catch {
      throw CoordinatorError(.invalidQuery, error.message, remedy: error.remedy)
    }
    return try assemble(pieces)
  }
}
