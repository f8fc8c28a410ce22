/// Gives the tensors that a process holds, and what its KV blocks hold, to those that lack them.

public import Checkpoints
public import Logging
public import Messaging
public import Wire

/// Answers on a thread of its own, so that no step waits for it. The coordinator's also says what
/// the tensors are.
public actor TensorServer {
  private nonisolated let reactor: Reactor
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    reactor.asUnownedSerialExecutor()
  }

  private let logger: Logger
  private let keys: KeyPair?
  /// The keys that it gives tensors to, where it has keys; `allow` changes them.
  public nonisolated let allowed: AllowList
  private var onRefusal: (@Sendable (Refusal) -> Void)?
  private var refusals = TensorRefusals()
  private var holding: (checkpoint: Checkpoint, modelDigest: [UInt8])?
  private var blocks: BlockReader?
  /// Requests for KV blocks that are not answered yet, by who asks.
  private var readings: [PeerIdentity: Int] = [:]
  private let maker: ManifestMaker?
  private var socket: Socket?
  /// Parts that are being described, so that asking again costs nothing.
  private var describing: [Question: Bool] = [:]
  /// Bytes of tensors that were given away.
  public private(set) var givenBytes = 0

  private struct Question: Hashable {
    let peer: PeerIdentity
    let part: String
  }

  /// Reads what KV blocks hold and hands it to `answer`, from any thread.
  public typealias BlockReader =
    @Sendable (
      _ request: KVRequest, _ answer: @escaping @Sendable (KVContents) -> Void
    ) -> Void

  /// Questions that may be open at once.
  private static let questionsMax = 4096
  /// Requests for KV blocks that one peer may have open at once; each takes up to 4 MiB.
  private static let readingsMax = 32
  /// Replies that wait for one slow peer.
  private static let waitingReplies = 32

  /// Serves what `checkpoint` holds, and with `describes` says what it consists of. With `keys` nobody
  /// gets anything but those whom `allow` names.
  ///
  /// Throws `MessagingError` where there is no thread left.
  public init(
    _ checkpoint: Checkpoint?, modelDigest: [UInt8], describes: Bool = false,
    keys: KeyPair? = nil, logger: Logger
  ) throws(MessagingError) {
    reactor = try Reactor(name: "tensors")
    self.logger = logger
    self.keys = keys
    // Only the coordinator knows at once whom there is.
    allowed = AllowList(refusesForGood: describes)
    holding = checkpoint.map { ($0, modelDigest) }
    if describes, let checkpoint {
      maker = try ManifestMaker(checkpoint, modelDigest: modelDigest)
    } else {
      maker = nil
    }
  }

  /// Listens at `address` and returns it with its port; `onRefusal` is called for whoever is refused
  /// there. Throws `MessagingError`.
  public func start(
    at address: Address, onRefusal: (@Sendable (Refusal) -> Void)? = nil
  ) throws -> Address {
    self.onRefusal = onRefusal
    var options = TensorSockets.options(Self.waitingReplies)
    if let keys {
      options.security = .server(keys, allowed)
      // Nobody takes over the name of somebody else's connection.
      options.routerHandover = false
    }
    let socket = try reactor.makeSocket(.router, options: options)
    socket.onEvent = { [weak self] event in
      self?.assumeIsolated { $0.happened(event) }
    }
    socket.onMessage = { [weak self] peer, bytes in
      self?.assumeIsolated { $0.receive(bytes, from: peer) }
    }
    let bound = try socket.bind(address)
    self.socket = socket
    return bound
  }

  /// In a cluster with keys: gives tensors to the owners of these keys and to nobody else from now on.
  /// Whoever is left out is cut off at once.
  public nonisolated func allow(_ keys: Set<PublicKey>) {
    allowed.replace(keys)
    Task { await cutOffWhoIsNotAllowed() }
  }

  private func cutOffWhoIsNotAllowed() { socket?.cutOffWhoIsNotAllowed() }

  private func happened(_ event: SocketEvent) {
    if let refusal = event.refusal { refused(refusal) }
    if let warning = event.warning { logger.warning("at the tensor port: \(warning)") }
  }

  private func refused(_ refusal: Refusal) {
    onRefusal?(refusal)
    if let line = refusals.note(refusal, now: .now) { logger.warning("\(line)") }
  }

  /// From now on gives away what another checkpoint holds.
  public func hold(_ checkpoint: Checkpoint, modelDigest: [UInt8]) {
    holding = (checkpoint, modelDigest)
  }

  /// From now on gives away what `blocks` reads.
  public func giveBlocks(_ blocks: @escaping BlockReader) { self.blocks = blocks }

  public func stop() {
    socket?.close()
    socket = nil
    maker?.end()
    reactor.shutdown()
  }

  private func receive(_ bytes: [UInt8], from peer: PeerIdentity?) {
    guard let peer else { return }
    do throws(WireFault) {
      switch try decode(bytes) {
      case .tensorRequest(let request): send(.tensorChunk(chunk(request)), to: peer)
      case .manifestRequest(let request): receive(request, from: peer)
      case .kvRequest(let request): receive(request, from: peer)
      case let message: logger.debug("dropped \(message.name) at the tensor port")
      }
    } catch {
      logger.debug("dropped a message at the tensor port: \(error)")
      refused(.invalid)
    }
  }

  private func chunk(_ request: TensorRequest) -> TensorChunk {
    func refusal(_ text: String) -> TensorChunk {
      TensorChunk(name: request.name, offset: request.offset, refusal: text)
    }
    guard let (checkpoint, modelDigest) = holding, modelDigest == request.modelDigest else {
      return refusal("no tensor of this model is here")
    }
    do throws(CheckpointError) {
      let range = request.offset..<request.offset + request.length
      let data = try checkpoint.storedBytes(of: request.name, in: range)
      givenBytes += data.count
      return TensorChunk(name: request.name, offset: request.offset, data: data)
    } catch {
      if error.code == .unreadable { logger.warning("cannot give \(request.name): \(error)") }
      return refusal(error.message)
    }
  }

  private func receive(_ request: ManifestRequest, from peer: PeerIdentity) {
    guard let maker, holding?.modelDigest == request.modelDigest else {
      let refusal = Manifest(
        modelDigest: request.modelDigest, part: request.part,
        refusal: maker == nil
          ? "only the coordinator describes tensors" : "the coordinator serves another checkpoint")
      return send(.manifest(refusal), to: peer)
    }
    let question = Question(peer: peer, part: request.part)
    guard describing[question] == nil, describing.count < Self.questionsMax else { return }
    describing[question] = true
    Task { [weak self] in
      let manifest = await maker.manifest(request.part)
      await self?.answer(question, manifest)
    }
  }

  private func receive(_ request: KVRequest, from peer: PeerIdentity) {
    guard let blocks, readings[peer, default: 0] < Self.readingsMax else {
      let refusal = blocks == nil ? "no KV blocks are here" : "it is asked for too much at once"
      let contents = KVContents(
        epoch: request.epoch, layer: request.layer, blocks: request.blocks, refusal: refusal)
      return send(.kvContents(contents), to: peer)
    }
    readings[peer, default: 0] += 1
    blocks(request) { contents in
      Task { [weak self] in await self?.give(contents, to: peer) }
    }
  }

  private func give(_ contents: KVContents, to peer: PeerIdentity) {
    let left = readings[peer, default: 1] - 1
    readings[peer] = left == 0 ? nil : left
    send(.kvContents(contents), to: peer)
  }

  private func answer(_ question: Question, _ manifest: Manifest) {
    describing[question] = nil
    send(.manifest(manifest), to: question.peer)
  }

  private func send(_ message: Message, to peer: PeerIdentity) {
    do {
      try socket?.send(try encode(message), to: peer)
    } catch {
      // Who asked asks again, or has gone.
      logger.debug("\(message.name) was not sent: \(error)")
    }
  }
}
