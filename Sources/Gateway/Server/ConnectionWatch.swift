/// Watches one connection for what Hummingbird does not.

internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Tells when the client hangs up, closes connections after a response that says so, closes those
/// of clients that do not read, and lets clients go on that wait for leave to send a body.
final class ConnectionWatch: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let bodyBytesMax: Int
  private let writeTimeout: TimeAmount
  private var hasHungUp = false
  private var listeners: [Int: @Sendable () -> Void] = [:]
  private var lastListener = 0
  private var closesAfterResponse = false
  private var stalled: Scheduled<Void>?

  /// How long a client may take to read a response and close before the connection is closed.
  private static let linger = TimeAmount.seconds(1)

  init(bodyBytesMax: Int, writeTimeout: TimeAmount) {
    self.bodyBytesMax = bodyBytesMax
    self.writeTimeout = writeTimeout
  }

  /// Calls `action` when the client hangs up; at once if it has. Returns a name to forget it by.
  func whenHungUp(_ action: @escaping @Sendable () -> Void) -> Int? {
    guard !hasHungUp else {
      action()
      return nil
    }
    lastListener += 1
    listeners[lastListener] = action
    return lastListener
  }

  func forget(_ listener: Int) { listeners[listener] = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = unwrapInboundIn(data), let expect = head.headerFields[.expect],
      expect.lowercased() == "100-continue",
      head.headerFields[.contentLength].flatMap({ Int($0) }) ?? 0 <= bodyBytesMax
    {
      context.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    context.write(data, promise: promise)
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection]?.lowercased() == "close" { closesAfterResponse = true }
    case .body:
      break
    case .end:
      guard closesAfterResponse else { return }
      // What the client still sends is read and dropped meanwhile: closing on unread bytes would
      // take the response from it.
      let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: Self.linger) { loopBound.value.close(promise: nil) }
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stalled?.cancel()
    stalled = nil
    if !context.channel.isWritable {
      let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
      stalled = context.eventLoop.scheduleTask(in: writeTimeout) {
        loopBound.value.close(promise: nil)
      }
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { hangUp() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    stalled?.cancel()
    hangUp()
    context.fireChannelInactive()
  }

  private func hangUp() {
    hasHungUp = true
    let actions = listeners.values
    listeners = [:]
    for action in actions { action() }
  }
}

extension Channel {
  /// Calls `action` when this connection's client hangs up, until the returned closure is called.
  func onHangUp(_ action: @escaping @Sendable () -> Void) async -> @Sendable () -> Void {
    let loop = eventLoop
    let pipeline = pipeline
    let closed = closeFuture
    let listener = try? await loop.submit { () -> Int? in
      guard let watch = try? pipeline.syncOperations.handler(type: ConnectionWatch.self) else {
        // Handlers leave a connection that has closed, so this one is told at once.
        closed.whenComplete { _ in action() }
        return nil
      }
      return watch.whenHungUp(action)
    }.get()
    return {
      guard let listener = listener ?? nil else { return }
      loop.execute {
        try? pipeline.syncOperations.handler(type: ConnectionWatch.self).forget(listener)
      }
    }
  }
}
