/// Timers on the reactor's thread, by the monotonic clock, to a millisecond.
extension Reactor {
  /// Calls `body` once after `delay`. To be called on the reactor's thread. The timer is gone with
  /// the reactor's shutdown.
  @discardableResult
  public func after(_ delay: Duration, _ body: @escaping () -> Void) -> TimerToken {
    start(TimerToken(reactor: self, interval: nil, body: body), after: delay)
  }

  /// Calls `body` every `interval` (at least a millisecond), the first time after one. A call that
  /// comes late does not delay the ones after it; calls missed altogether are left out.
  @discardableResult
  public func every(_ interval: Duration, _ body: @escaping () -> Void) -> TimerToken {
    let nanoseconds = MonotonicClock.nanoseconds(interval, atLeast: 1_000_000)
    return start(TimerToken(reactor: self, interval: nanoseconds, body: body), after: interval)
  }

  private func start(_ timer: TimerToken, after delay: Duration) -> TimerToken {
    preconditionIsCurrent()
    guard !loop.isStopping else {
      timer.release()
      return timer
    }
    let delay = MonotonicClock.nanoseconds(delay, atLeast: timer.interval == nil ? 0 : 1_000_000)
    loop.timers.insert(timer, at: MonotonicClock.nanoseconds() + delay)
    return timer
  }
}
