/// What went through a socket so far.
public struct SocketCounters: Sendable, Equatable {
  /// Messages handed to ZeroMQ.
  public var sentMessages = 0
  /// Payload bytes handed to ZeroMQ.
  public var sentBytes = 0
  /// Messages handed to `onMessage`.
  public var receivedMessages = 0
  /// Payload bytes handed to `onMessage`.
  public var receivedBytes = 0
  /// Messages refused on arrival: too large, or not of one part.
  public var refusedMessages = 0
  /// Messages that left the outbox unsent.
  public var droppedMessages = 0

  /// All zero.
  public init() {}
}
