/// Fetches what KV blocks hold from the workers that have filled them.

public import Logging
public import Messaging
public import Wire

/// Asks every source for blocks of its layers, some at a time, and hands over what comes. What has been
/// handed over and not been taken yet counts as asked for, so that no more lies here than
/// `window` answers of each source.
///
/// Lives on a thread of its own: a stage that computes, and its sockets, wait for none of it.
public actor KVFetcher {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let isInsecure: Bool
  /// Our own keys, and those of the workers that blocks are taken from; nil speaks plaintext.
  private let keys: (own: KeyPair, peers: AllowList)?
  private let logger: Logger
  private let clock = ContinuousClock()
  private var job: Job?
  private var lastNumber = 0
  /// The last plan that something was fetched for.
  private var lastPlan: UInt64 = 0
  private var timer: TimerToken?

  /// Bytes of one answer, unless a block has more, and answers that one source is asked for at once.
  private static let chunkBytes = 1 << 18
  private static let window = 32
  /// How long a source that was asked may say nothing. It answers between two steps, which may be long;
  /// who is gone is noticed otherwise.
  private static let silenceMax = Duration.seconds(30)
  /// The same before its first answer: perhaps it cannot be reached.
  private static let firstSilenceMax = Duration.seconds(15)
  private static let tick = Duration.seconds(1)

  /// Blocks of one layer that are asked for together.
  private struct Question: Hashable {
    let layer: Int
    let blocks: [Int]
  }

  /// A connection to one holder, and what is asked of it.
  private final class Source {
    let number: Int
    let holder: TensorHolder
    /// The next one last.
    var waiting: [Question]
    var asked: Set<Question> = []
    /// Answers that have been handed over and are not taken yet.
    var untaken = 0
    var hasAnswered = false
    var lastHeard: ContinuousClock.Instant
    var socket: Socket?

    init(
      _ number: Int, _ holder: TensorHolder, _ questions: [Question], now: ContinuousClock.Instant
    ) {
      self.number = number
      self.holder = holder
      waiting = questions.reversed()
      lastHeard = now
    }

    var isAsked: Bool { !waiting.isEmpty || !asked.isEmpty }
    var isDone: Bool { !isAsked && untaken == 0 }
  }

  private final class Job {
    /// Tells it from those before.
    let number: Int
    let fetch: KVFetch
    let take: @Sendable (KVContents) async -> Void
    let continuation: CheckedContinuation<Void, any Error>
    var sources: [Source] = []

    init(
      _ number: Int, _ fetch: KVFetch, _ take: @escaping @Sendable (KVContents) async -> Void,
      _ continuation: CheckedContinuation<Void, any Error>
    ) {
      self.number = number
      self.fetch = fetch
      self.take = take
      self.continuation = continuation
    }
  }

  /// With `keys`, our own and those of the workers that blocks are taken from, connections are encrypted;
  /// without, `isInsecure` allows sources on other machines. Throws `MessagingError` where there is no
  /// thread left.
  public init(
    isInsecure: Bool, keys: (own: KeyPair, peers: AllowList)? = nil, logger: Logger
  ) throws(MessagingError) {
    reactor = try Reactor(name: "blocks")
    self.isInsecure = isInsecure
    self.keys = keys
    self.logger = logger
  }

  /// Fetches blocks and hands what they hold to `take`; returns when all of it has been taken. A fetch
  /// for an earlier plan, or for the same one, ends with `.superseded`.
  ///
  /// Throws `TransferError`: `.unavailable` where a source is not there, or does not hold a block.
  public func fetch(
    _ fetch: KVFetch, take: @escaping @Sendable (KVContents) async -> Void
  ) async throws {
    guard fetch.plan >= lastPlan else {
      throw TransferError(.superseded, "blocks of a later plan have been asked for")
    }
    lastPlan = fetch.plan
    cancel(before: .max)
    let each = max(1, min(Self.chunkBytes / fetch.blockBytes, WireLimits.standard.chunkBlocks))
    let parts = stride(from: 0, to: fetch.blocks.count, by: each).map {
      Array(fetch.blocks[$0..<min($0 + each, fetch.blocks.count)])
    }
    try await withCheckedThrowingContinuation { continuation in
      lastNumber += 1
      let job = Job(lastNumber, fetch, take, continuation)
      self.job = job
      for source in fetch.sources {
        let questions = source.layers.flatMap { layer in
          parts.map { Question(layer: layer, blocks: $0) }
        }
        job.sources.append(
          Source(job.sources.count, source.holder, questions, now: clock.now))
      }
      timer = reactor.every(Self.tick) { [weak self] in self?.assumeIsolated { $0.look() } }
      proceed(job)
    }
  }

  /// Ends a fetch for a plan before this one.
  public func cancel(before plan: UInt64) {
    guard let job, job.fetch.plan < plan else { return }
    finish(
      job, .failure(TransferError(.superseded, "something else is to be fetched")))
  }

  public func stop() {
    cancel(before: .max)
    reactor.shutdown()
  }

  private func finish(_ job: Job, _ result: Result<Void, any Error>) {
    guard self.job === job else { return }
    self.job = nil
    timer?.cancel()
    timer = nil
    for source in job.sources { source.socket?.close() }
    job.continuation.resume(with: result)
  }

  private func fail(_ job: Job, _ source: Source, _ reason: String) {
    finish(
      job, .failure(TransferError(.unavailable, "KV blocks: \(source.holder.address) \(reason)")))
  }

  /// Asks for whatever can be asked for; ends when all is here.
  private func proceed(_ job: Job) {
    for source in job.sources {
      while source.asked.count + source.untaken < Self.window,
        let question = source.waiting.popLast()
      {
        if source.asked.isEmpty { source.lastHeard = clock.now }
        source.asked.insert(question)
        let request = KVRequest(
          epoch: job.fetch.epoch, layer: question.layer, blocks: question.blocks)
        do {
          let socket = try source.socket ?? connect(source)
          try socket.send(try encode(.kvRequest(request)))
        } catch {
          return fail(job, source, "cannot be asked: \(error)")
        }
      }
    }
    if job.sources.allSatisfy(\.isDone) { finish(job, .success(())) }
  }

  private func look() {
    guard let job else { return }
    let silent = job.sources.first {
      let silence = $0.hasAnswered ? Self.silenceMax : Self.firstSilenceMax
      return !$0.asked.isEmpty && clock.now - $0.lastHeard > silence
    }
    if let silent { fail(job, silent, "says nothing") }
  }

  private func connect(_ source: Source) throws(MessagingError) -> Socket {
    // Closed with its fetch, so that it never speaks of another's sources.
    let number = source.number
    let socket = try TensorSockets.connect(
      to: source.holder, on: reactor, window: Self.window, keys: keys?.own,
      isTrusted: source.holder.key.map { keys?.peers.contains($0) == true } ?? false,
      isInsecure: isInsecure,
      received: { [weak self] bytes in
        self?.assumeIsolated { $0.receive(bytes, from: number) }
      },
      ended: { [weak self] reason in
        self?.assumeIsolated { fetcher in
          // Who has given all may go.
          guard let job = fetcher.job, job.sources[number].isAsked else { return }
          fetcher.fail(job, job.sources[number], reason)
        }
      })
    source.socket = socket
    return socket
  }

  private func receive(_ bytes: [UInt8], from number: Int) {
    guard let job else { return }
    let source = job.sources[number]
    source.lastHeard = clock.now
    source.hasAnswered = true
    do throws(WireFault) {
      guard case .kvContents(let contents) = try decode(bytes) else { return }
      let question = Question(layer: contents.layer, blocks: contents.blocks)
      guard contents.epoch == job.fetch.epoch, source.asked.remove(question) != nil else { return }
      guard contents.refusal.isEmpty else { return fail(job, source, "says: \(contents.refusal)") }
      guard contents.data.count == contents.blocks.count * job.fetch.blockBytes else {
        return fail(
          job, source,
          "gives \(contents.data.count) bytes for \(contents.blocks.count) x "
            + "\(job.fetch.blockBytes)")
      }
      source.untaken += 1
      Task { [weak self, source = source.number, number = job.number, take = job.take] in
        await take(contents)
        await self?.taken(from: source, of: number)
      }
    } catch {
      fail(job, source, "sends what is no message: \(error)")
    }
  }

  /// What a source gave has been put where it belongs.
  private func taken(from source: Int, of number: Int) {
    guard let job, job.number == number else { return }
    job.sources[source].untaken -= 1
    proceed(job)
  }
}
