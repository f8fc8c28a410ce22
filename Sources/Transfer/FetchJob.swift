/// One fetch under way.

internal import Checkpoints
internal import Messaging
internal import Wire

final class FetchJob {
  let request: FetchRequest
  let continuation: CheckedContinuation<Checkpoint, any Error>
  let started: ContinuousClock.Instant
  var sources: [TensorSource] = []
  /// Parts whose manifest is not here, and when it was asked for.
  var awaited: [String: ContinuousClock.Instant?] = ["": nil]
  var configurationFiles: [(name: String, bytes: [UInt8])] = []
  var tensors: [ManifestTensor] = []
  /// Bytes of every content that is needed.
  var needed: [ContentName: Int] = [:]
  /// Downloads that nobody gives at the moment, in the order in which they begin.
  var waiting: [TensorDownload] = []
  /// Downloads that are not done.
  var unfinished = 0
  var fetchedBytes = 0
  /// Bytes that the cache had.
  var cachedBytes = 0
  var lastProgress: ContinuousClock.Instant

  init(
    _ request: FetchRequest, now: ContinuousClock.Instant,
    _ continuation: CheckedContinuation<Checkpoint, any Error>
  ) {
    self.request = request
    self.continuation = continuation
    started = now
    lastProgress = now
  }

  var neededBytes: Int { needed.values.reduce(0, +) }
}
