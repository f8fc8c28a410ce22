/// What the parts of a checkpoint consist of, each tensor with its SHA-256.

internal import Checkpoints
internal import Messaging
internal import Wire

/// Reads every byte of a part once, on a thread of its own, when somebody asks for the part.
actor ManifestMaker {
  private nonisolated let thread: Reactor
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let checkpoint: Checkpoint
  private let modelDigest: [UInt8]
  private var digests: [String: [UInt8]] = [:]

  init(_ checkpoint: Checkpoint, modelDigest: [UInt8]) throws(MessagingError) {
    thread = try Reactor(name: "manifests")
    self.checkpoint = checkpoint
    self.modelDigest = modelDigest
  }

  nonisolated func end() { thread.shutdown() }

  /// The answer to a request; one that cannot be answered gets a refusal.
  func manifest(_ part: String) -> Manifest {
    do throws(CheckpointError) {
      guard !part.isEmpty else {
        let files = try checkpoint.configurationFiles(
          bytesMax: WireLimits.standard.manifestFileBytes)
        return Manifest(
          modelDigest: modelDigest, files: files.map { ManifestFile(name: $0, content: $1) })
      }
      var tensors: [ManifestTensor] = []
      for name in checkpoint.tensorNames where name.hasPrefix(part) {
        guard let tensor = checkpoint.stored(name) else { continue }
        tensors.append(ManifestTensor(tensor, digest: try digest(of: name)))
      }
      return Manifest(modelDigest: modelDigest, part: part, tensors: tensors)
    } catch {
      return Manifest(modelDigest: modelDigest, part: part, refusal: error.description)
    }
  }

  private func digest(of name: String) throws(CheckpointError) -> [UInt8] {
    if let known = digests[name] { return known }
    let digest = try checkpoint.contentDigest(of: name)
    digests[name] = digest
    return digest
  }
}
