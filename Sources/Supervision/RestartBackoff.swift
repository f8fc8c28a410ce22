/// When a process that died is started again.

/// The back-off of one process. A first death costs hardly any time; each further one soon after a
/// start doubles it.
public struct RestartBackoff: Sendable, Equatable {
  public static let first = Duration.milliseconds(100)
  public static let longest = Duration.seconds(10)
  /// Who dies sooner than this after it was started waits twice as long the next time.
  public static let short = Duration.seconds(30)
  /// Who ran for this long begins anew.
  public static let steady = Duration.seconds(60)
  /// Deaths in a row, without ever having come up, that are taken for a fault of configuration.
  public static let attempts = 5

  private var delay: Duration?
  private var failures = 0
  private var hasComeUp = false

  public init() {}

  /// The process is up: it joined, or listens.
  public mutating func cameUp() { hasComeUp = true }

  /// How long to wait after a death; nil when there is no point in starting it again.
  /// - Parameter ran: how long it was there.
  public mutating func died(after ran: Duration) -> Duration? {
    failures += 1
    guard hasComeUp || failures < Self.attempts else { return nil }
    switch (delay, ran) {
    case (nil, _), (_, Self.steady...): delay = Self.first
    case (.some(let last), ..<Self.short): delay = min(last * 2, Self.longest)
    default: break
    }
    return delay
  }
}
