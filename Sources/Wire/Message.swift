/// The messages of the protocol: what one `Envelope` carries.
public enum Message: Sendable, Equatable {
  /// Any process to coordinator.
  case hello(Hello)
  /// Coordinator to any process.
  case welcome(Welcome)
  /// Coordinator to member.
  case assignment(Assignment)
  /// Member to coordinator.
  case ready(Ready)
  /// Both ways between coordinator and member.
  case heartbeat(Heartbeat)
  /// Both ways.
  case goodbye(Goodbye)
  /// Both ways.
  case error(WireError)
  /// Coordinator to vision node.
  case encodeImage(EncodeImage)
  /// Vision node to stage 0.
  case imageFeatures(ImageFeatures)
  /// Stage 0 to coordinator.
  case featuresReady(FeaturesReady)
  /// Coordinator to stage 0.
  case releaseFeatures(ReleaseFeatures)
  /// Coordinator to stage 0, stage to stage.
  case step(Step)
  /// Last stage to coordinator.
  case tokens(Tokens)
  /// Client to coordinator.
  case referringQuery(ReferringQueryMessage)
  /// Client to coordinator.
  case cancelQuery(CancelQuery)
  /// Coordinator to client.
  case answerText(AnswerText)
  /// Coordinator to client.
  case answer(Answer)
  /// Member or client to coordinator.
  case drain(Drain)
  /// Coordinator to whoever sent `drain`.
  case drained(Drained)
  /// Coordinator to member.
  case settled(Settled)
  /// Member to the coordinator's tensor port.
  case manifestRequest(ManifestRequest)
  /// Coordinator to member.
  case manifest(Manifest)
  /// Member to whoever may hold the tensor.
  case tensorRequest(TensorRequest)
  /// Holder to member.
  case tensorChunk(TensorChunk)
  /// Worker to worker.
  case kvRequest(KVRequest)
  /// Worker to worker.
  case kvContents(KVContents)

  /// The message's name in the protocol, such as "EncodeImage", for logs.
  public var name: String { "\(type(of: body).messageName)" }
}

/// A plan's number for people: how many plans this coordinator has made. The rest of an epoch tells
/// coordinators apart.
public func planNumber(_ epoch: UInt64) -> UInt64 { epoch & (1 << epochPlanBits - 1) }

/// Bits of an epoch that count the plans of one coordinator.
public let epochPlanBits: UInt64 = 20

/// The version of the protocol that this module speaks: the first field of the first message.
///
/// It rises when a message changes in a way that an older process would misread. New fields alone
/// do not raise it, since unknown fields are ignored.
public let protocolVersion: Int = 5
