/// The coordinator as a pure state machine: messages and ticks in, messages and reports out.

internal import Compute
internal import Messaging
internal import Wire

/// Everything that the coordinator knows. It touches no socket and no clock, so that every
/// situation can be tested without a process. `now` is a monotonic time in seconds.
struct CoordinatorState: Sendable {
  let model: ServedModel
  let settings: CoordinatorSettings

  var members: [PeerIdentity: Member] = [:]
  /// Members in the order in which they joined.
  var joinOrder: [PeerIdentity] = []
  var clients: Set<PeerIdentity> = []
  var pipeline: Pipeline?
  var lastEpoch: UInt64 = 0
  var hasPlanned = false
  /// When queries began to wait for the plan that stands, in seconds.
  var plannedAt: Double = 0
  /// Why planning last failed, so that it is said once.
  var lastTrouble: String?
  /// Workers that come and go, by name.
  var flaps: [String: FlapRecord] = [:]
  /// The plan that ended last.
  var lastPlan: EndedPlan?
  /// Queries wait because a plan ended; nil where none does.
  var interruption: Interruption?
  /// The last one that is over.
  var lastInterruption: Interruption?
  /// Who was lost, the latest first.
  var losses: [Loss] = []
  /// The plan that is being got ready.
  var move: Move?
  /// Whether there is room for far more KV blocks than the plan has.
  var leavesRoom = false
  /// Whether somebody came or is to go since plans were last compared.
  var wantsReview = false
  /// When plans are to be compared again because a worker is left out no longer, in seconds.
  var reviewAt = Double.infinity
  /// Members that are to get no more work, and who wait to hear that they have none.
  var draining: [PeerIdentity: Set<PeerIdentity>] = [:]
  /// When time last passed, in seconds.
  var lastTick: Double?
  /// Plans in a row that ended because a step was overdue.
  var overdueInRow = 0

  var queries: [SequenceID: ActiveQuery] = [:]
  var lastSequence: SequenceID = 0
  /// When the next query's time may be over, in seconds.
  var nextDeadline = Double.infinity
  var names: [QueryName: SequenceID] = [:]
  /// Queries that are prepared beside the state machine, and the bytes of their images.
  var preparing: [QueryName: Preparation] = [:]
  var preparingBytes = 0
  var lastTicket: UInt64 = 0
  /// Queries that wait for a plan, first come first served.
  var queriesAwaitingPlan: [SequenceID] = []
  /// Queries whose images wait for room at stage 0, first come first served.
  var queriesAwaitingImages: [SequenceID] = []
  var files = ImageFiles()

  var measurements = Measurements()
  /// What pipelines counted that have ended, and what the metrics system was told.
  var ended = CoordinatorMetrics.Counts()
  var told = CoordinatorMetrics.Counts()

  /// How the workers hold the decoder's matrices; nil is as they are stored.
  let weights: WeightFormat?
  /// What each layer costs, held so, and image features; memory without KV blocks.
  let layerWeights: [LayerCost]

  /// Who is who; nil where everybody who connects is trusted.
  var access: Access?
  var conduct = PeerConduct()
  /// Where the coordinator gives manifests and tensors; 0: nowhere.
  var tensorPort = 0

  var actions: [CoordinatorAction] = []

  /// Epochs begin above `epochFloor`: a coordinator that comes back must not be taken for the one
  /// that was, whose messages may still be under way.
  init(model: ServedModel, settings: CoordinatorSettings, epochFloor: UInt64 = 0) {
    self.model = model
    self.settings = settings
    lastEpoch = epochFloor
    weights = settings.weights ?? model.defaultWeights
    var costs = model.layerCosts(heldAs: weights)
    // Image features lie where the first layer does.
    costs[0].memoryBytes += Self.featureCredits(model, settings) * model.featureBytes
    layerWeights = costs
  }

  /// Takes the actions that the last events asked for.
  mutating func takeActions() -> [CoordinatorAction] {
    defer { actions = [] }
    return actions
  }

  mutating func send(_ message: Message, to peer: PeerIdentity) {
    actions.append(.send(message, to: peer))
  }

  mutating func report(_ event: ClusterEvent) { actions.append(.report(event)) }

  private func isClient(_ peer: PeerIdentity) -> Bool {
    peer == LocalQueries.identity || clients.contains(peer)
  }

  mutating func receive(_ message: Message, from peer: PeerIdentity, now: Double) {
    guard permits(message, from: peer, now: now) else { return }
    members[peer]?.lastHeard = now
    switch message {
    case .hello(let hello): receive(hello, from: peer, now: now)
    case .goodbye(let goodbye): leave(peer, goodbye, now: now)
    case .referringQuery(let query) where isClient(peer):
      receive(query, from: peer, now: now)
    case .cancelQuery(let cancel) where isClient(peer):
      cancelQuery(cancel.query, of: peer)
    case .ready(let ready) where members[peer] != nil: receive(ready, from: peer, now: now)
    case .heartbeat(let heartbeat) where members[peer] != nil:
      receive(heartbeat, from: peer, now: now)
    case .featuresReady(let features) where members[peer] != nil:
      receive(features, from: peer, now: now)
    case .tokens(let tokens) where members[peer] != nil: receive(tokens, from: peer, now: now)
    case .drain(let drain) where members[peer] != nil || isClient(peer):
      receive(drain, from: peer)
    case .error(let error) where members[peer] != nil: receive(error, from: peer, now: now)
    default:
      misbehaved(peer, .invalid, now: now)
      refuse(peer, .invalidMessage, "\(message.name) is not expected from this peer")
    }
    advance(now: now)
  }

  /// A message that did not pass the door.
  mutating func receiveInvalid(_ fault: WireFault, from peer: PeerIdentity, now: Double) {
    misbehaved(peer, .invalid, now: now)
    refuse(peer, .invalidMessage, fault.message)
    // The step that it should have spoken of would never come.
    guard pipeline?.contains(peer) == true else { return }
    lose(peer, reason: "it sent nonsense: \(fault.message)", now: now)
    advance(now: now)
  }

  /// Time has passed: heartbeats go out, silent members are lost.
  mutating func tick(now: Double) {
    forgiveOwnPause(now: now)
    loseSilent(now: now)
    restartOverdue(now: now)
    expireQueries(now: now)
    if now >= reviewAt { (reviewAt, wantsReview) = (.infinity, true) }
    sendHeartbeats(now: now)
    recordMetrics(now: now)
    advance(now: now)
  }

  mutating func sendHeartbeats(now: Double) {
    let heartbeat = Heartbeat(epoch: lastEpoch, sentSeconds: now)
    for peer in joinOrder { send(.heartbeat(heartbeat), to: peer) }
  }

  /// A connection of somebody has ended.
  mutating func disconnected(now: Double) {
    probe(now: now)
    advance(now: now)
  }

  /// The time of `nextDeadline` has come.
  mutating func deadlineReached(now: Double) {
    expireQueries(now: now)
    advance(now: now)
  }

  /// A message could not be delivered: the peer is gone.
  mutating func unreachable(_ peer: PeerIdentity, now: Double) {
    if clients.contains(peer) { forgetClient(peer) }
    if members[peer] != nil { lose(peer, reason: "its connection is gone", now: now) }
    access?.forget(peer)
    advance(now: now)
  }

  /// A message broke a limit of the wire and was not sent: whoever waits for it must not wait for
  /// ever.
  mutating func notSent(_ message: Message, to peer: PeerIdentity, reason: String, now: Double) {
    let text = "\(message.name) could not be sent: \(reason)"
    switch message {
    case .step(let step):
      // Blocks that it was to fill are known as filled: nothing of this plan can be relied on.
      for span in step.spans { fail(span.sequence, .internal, text) }
      if step.epoch == pipeline?.epoch { endPipeline(text, now: now) }
    case .answer(let answer):
      report(.failedQuery(reason: text))
      let error = WireError(code: .internal, text: text)
      send(.error(error.about(query: answer.query)), to: peer)
    case .encodeImage(let request):
      failImage(request.image, .internal, text)
    default: report(.dropped(text))
    }
    advance(now: now)
  }

  /// Does what has become possible.
  mutating func advance(now: Double) {
    planIfPossible(now: now)
    considerMove(now: now)
    finishMove(now: now)
    growIfIdle(now: now)
    requestImages()
    sendSteps(now: now)
    // A sequence may have turned out to need features after all.
    if !queriesAwaitingImages.isEmpty { requestImages() }
  }

  mutating func refuse(_ peer: PeerIdentity, _ code: WireError.Code, _ reason: String) {
    report(.refused(peer: members[peer]?.name ?? peer.description, reason: reason))
    send(.error(WireError(code: code, text: reason)), to: peer)
  }
}
