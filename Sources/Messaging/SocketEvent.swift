/// What happens to a socket's connections, as ZeroMQ's socket monitor tells it, and to messages
/// that never reach a handler.
///
/// Endpoints are written as ZeroMQ writes them. Connections over inproc raise no events. Events
/// and messages arrive on separate ways: their order among each other says nothing.
public enum SocketEvent: Sendable, Equatable {
  /// The socket accepts connections on the endpoint.
  case listening(endpoint: String)
  /// The socket could not listen on the endpoint.
  case bindFailed(endpoint: String, reason: String)
  /// A peer has reached our endpoint; the handshake follows.
  case accepted(endpoint: String)
  /// A peer's connection could not be accepted.
  case acceptFailed(endpoint: String, reason: String)
  /// Our connection to the endpoint stands; the handshake follows.
  case connected(endpoint: String)
  /// The endpoint did not answer; the next try follows after the wait.
  case retrying(endpoint: String, afterMilliseconds: Int)
  /// Both sides have agreed: messages can flow.
  case handshakeSucceeded(endpoint: String)
  /// The two sides did not agree, and the connection is closed.
  case handshakeFailed(endpoint: String, reason: String)
  /// The peer does not accept our key. ZeroMQ does not try again.
  case keyRefused(endpoint: String)
  /// A connection ended: the peer went, a heartbeat stayed out, or a message was too large.
  case disconnected(endpoint: String)
  /// The socket no longer listens on the endpoint; it is free to be bound again.
  case closed(endpoint: String)
  /// A message was refused on arrival and counted.
  case messageRefused(peer: PeerIdentity?, reason: RefusalReason)
  /// Too many connections from there came to nothing: new ones wait for a moment, the ones that
  /// stand go on. Told at most every ten seconds.
  case connectionsLimited(from: String)
  /// Messages left the outbox unsent because their peer is gone.
  case messagesDropped(peer: PeerIdentity?, count: Int)

  /// Why an arriving message was refused.
  public enum RefusalReason: Sendable, Equatable {
    /// It exceeds `maxMessageBytes` (seen here over inproc only; elsewhere the peer is cut off).
    case tooLarge(bytes: Int)
    /// It does not consist of exactly one part.
    case notOnePart
    /// Its sender's key is not, or no longer, on the allow-list. The sender is cut off.
    case keyNotAllowed
  }
}
