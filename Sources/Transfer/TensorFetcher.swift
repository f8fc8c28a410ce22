/// Fetches the tensors that a member lacks, from several sources at once, into its cache.

public import Checkpoints
internal import Foundation
public import Logging
public import Messaging
internal import Wire

/// The coordinator says which tensors a part has and what each hashes to; peers that hold them are
/// asked first, the coordinator for what no peer has. Every source has a window of chunks under way.
/// A tensor is used once its SHA-256 is right. What was fetched before a fetch ended is not fetched
/// again.
///
/// Lives on a thread of its own: hashing and writing keep nobody waiting.
public actor TensorFetcher {
  nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  let cache: TensorCache
  let isInsecure: Bool
  /// Our own keys, and those of the peers that tensors are taken from; nil speaks plaintext.
  let keys: (own: KeyPair, peers: AllowList)?
  let logger: Logger
  let clock = ContinuousClock()
  var job: FetchJob?
  /// Contents whose bytes this process has seen to be right.
  var verified: Set<ContentName> = []
  private var timer: TimerToken?

  /// Bytes of a chunk, and chunks that one source is asked for at once.
  static let chunkBytes = 1 << 20
  static let window = 16
  /// How long a source that was asked may say nothing.
  static let silenceMax = Duration.seconds(3)
  private static let tick = Duration.milliseconds(100)
  private static let progressInterval = Duration.seconds(2)

  /// With `keys`, our own and those of the peers that tensors are taken from, connections are encrypted;
  /// without, `isInsecure` allows sources on other machines. Throws `MessagingError` where there is no thread left.
  public init(
    cache: TensorCache, isInsecure: Bool, keys: (own: KeyPair, peers: AllowList)? = nil,
    logger: Logger
  ) throws {
    reactor = try Reactor(name: "fetch")
    self.cache = cache
    self.isInsecure = isInsecure
    self.keys = keys
    self.logger = logger
  }

  /// Fetches what is not in the cache, and gives it as a checkpoint. A fetch that is under way ends
  /// with `.superseded`; what it has fetched stays.
  ///
  /// Throws `TransferError`, or `CheckpointError` for configuration files that are wrong.
  public func fetch(_ request: FetchRequest) async throws -> Checkpoint {
    cancel()
    return try await withCheckedThrowingContinuation { continuation in
      let job = FetchJob(request, now: clock.now, continuation)
      self.job = job
      let peers = request.peers.filter { $0 != request.coordinator }
      for holder in [request.coordinator] + peers {
        job.sources.append(
          TensorSource(
            job.sources.count, holder, isCoordinator: job.sources.isEmpty, now: clock.now))
      }
      if timer == nil {
        timer = reactor.every(Self.tick) { [weak self] in self?.assumeIsolated { $0.tick() } }
      }
      proceed()
    }
  }

  /// Ends the fetch under way, if any.
  public func cancel() {
    finish(.failure(TransferError(.superseded, "something else is to be fetched")))
  }

  public func stop() {
    cancel()
    reactor.shutdown()
  }

  func finish(_ result: Result<Checkpoint, any Error>) {
    guard let job else { return }
    self.job = nil
    timer?.cancel()
    timer = nil
    for source in job.sources { source.socket?.close() }
    job.continuation.resume(with: result)
  }

  /// Asks for whatever can be asked for; ends when all is here.
  func proceed() {
    guard let job else { return }
    do {
      try askForManifests(job)
      // In turn, so that all of them share what there is.
      var turns = true
      while turns {
        turns = false
        let idleFirst = job.sources.sorted {
          ($0.asked.count, $0.receivedBytes) < ($1.asked.count, $1.receivedBytes)
        }
        for source in idleFirst where source.restsUntil == nil {
          turns = try ask(source, of: job) || turns
        }
      }
      guard job.awaited.isEmpty, job.unfinished == 0 else { return }
      let checkpoint = try checkpoint(job)
      logProgress(job, isEnd: true)
      finish(.success(checkpoint))
    } catch {
      finish(.failure(error))
    }
  }

  private func checkpoint(_ job: FetchJob) throws -> Checkpoint {
    var tensors: [(tensor: TensorDescription, file: URL)] = []
    for tensor in job.tensors {
      let content = ContentName(tensor.digest)
      cache.touch(content)
      tensors.append((try tensor.description(), cache.file(content)))
    }
    return try Checkpoint(
      named: cache.directory, configurationFiles: job.configurationFiles, tensors: tensors)
  }

  private func tick() {
    guard let job else { return }
    let now = clock.now
    for source in job.sources {
      if let until = source.restsUntil {
        if until <= now, isTrusted(source) { source.restsUntil = nil }
      } else if !isTrusted(source) {
        fail(source, of: job, "has a key that is not, or no longer, on the allow-list")
      } else if !source.asked.isEmpty, now - source.lastHeard > Self.silenceMax {
        fail(source, of: job, "says nothing")
      }
    }
    if now - job.lastProgress >= Self.progressInterval {
      job.lastProgress = now
      logProgress(job, isEnd: false)
    }
    proceed()
  }

  private func logProgress(_ job: FetchJob, isEnd: Bool) {
    let seconds = max((clock.now - job.started) / .seconds(1), 1e-3)
    let (fetched, cached) = (mebibytes(job.fetchedBytes), mebibytes(job.cachedBytes))
    let rate = mebibytes(Int(Double(job.fetchedBytes) / seconds))
    let givers = job.sources.filter { $0.receivedBytes > 0 }.count
    if isEnd {
      logger.info(
        """
        tensors are here: \(fetched) MiB fetched from \(givers) source\(givers == 1 ? "" : "s") at \
        \(rate) MiB/s, \(cached) MiB were in the cache
        """)
    } else {
      logger.info(
        "fetched \(fetched) of \(mebibytes(job.neededBytes - job.cachedBytes)) MiB at \(rate) MiB/s"
      )
    }
  }

  private func mebibytes(_ bytes: Int) -> Double { (Double(bytes) / 104_857.6).rounded() / 10 }
}
