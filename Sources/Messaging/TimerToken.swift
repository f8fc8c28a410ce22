/// A timer that was set on a reactor; keep it to cancel it. Letting go of it cancels nothing.
///
/// Belongs to the reactor's thread, as the closure that it calls does.
public final class TimerToken {
  struct Place {
    var deadline: UInt64
    var order: UInt64
  }

  /// Where the timer waits in the queue; `nil` when it does not.
  var place: Place? {
    didSet { if let place { lastDeadline = place.deadline } }
  }
  private var lastDeadline: UInt64 = 0
  /// Nanoseconds between two calls; `nil` for a timer that fires once.
  let interval: UInt64?
  private var body: (() -> Void)?
  private let reactor: Reactor

  init(reactor: Reactor, interval: UInt64?, body: @escaping () -> Void) {
    self.reactor = reactor
    self.interval = interval
    self.body = body
  }

  /// Whether the timer will fire no more.
  public var isCancelled: Bool { body == nil }

  /// Stops the timer; the closure is released and not called again. Idempotent.
  public func cancel() {
    reactor.preconditionIsCurrent()
    release()
    reactor.loop.timers.remove(self)
  }

  /// When a repeating timer fires again: on its grid, but never in the past.
  func nextDeadline(after now: UInt64, interval: UInt64) -> UInt64 {
    let planned = lastDeadline + interval
    return planned > now ? planned : now + interval
  }

  /// Lets go of the closure, which may hold the owner.
  func release() { body = nil }

  /// Calls the closure; a timer that fires once is spent afterwards.
  func fire() {
    let body = self.body
    if interval == nil { release() }
    body?()
  }
}
