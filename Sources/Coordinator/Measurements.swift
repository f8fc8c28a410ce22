/// What the coordinator measures of itself and its pipeline.

internal import CoreMetrics
internal import Messaging
internal import Wire

/// Counts and times since the start, and rates over the last seconds. `now` is a monotonic time in
/// seconds.
struct Measurements: Sendable {
  /// Seconds that rates are taken over.
  static let windowSeconds = 10

  /// What happened in one second.
  private struct Second: Sendable {
    var number = -1
    var promptTokens = 0
    var newTokens = 0
  }

  private var seconds = [Second](repeating: Second(), count: windowSeconds + 1)
  /// Mean seconds between answers, recent ones counting most.
  private var answerInterval: Double?
  private var lastAnswer: Double?
  let metrics = CoordinatorMetrics()

  /// When another try may find room: as long as answers take to leave, within a minute.
  var retryAfterSeconds: Double { min(60, max(1, answerInterval ?? 1)).rounded(.up) }

  /// A step of so many prompt and decode tokens has come back.
  mutating func computed(promptTokens: Int, newTokens: Int, now: Double) {
    let number = max(0, Int(now))
    let place = number % seconds.count
    if seconds[place].number != number { seconds[place] = Second(number: number) }
    seconds[place].promptTokens += promptTokens
    seconds[place].newTokens += newTokens
    metrics.promptTokens.increment(by: promptTokens)
    metrics.newTokens.increment(by: newTokens)
  }

  /// Prompt tokens and new tokens a second, over the last whole seconds.
  func tokensPerSecond(now: Double) -> (prompt: Double, new: Double) {
    let current = Int(now)
    let recent = seconds.filter {
      $0.number >= 0 && $0.number < current && $0.number >= current - Self.windowSeconds
    }
    let span = Double(max(1, min(current, Self.windowSeconds)))
    return (
      Double(recent.reduce(0) { $0 + $1.promptTokens }) / span,
      Double(recent.reduce(0) { $0 + $1.newTokens }) / span
    )
  }

  mutating func answered(now: Double) {
    if let last = lastAnswer {
      let interval = max(0, now - last)
      answerInterval = answerInterval.map { $0 * 0.9 + interval * 0.1 } ?? interval
    }
    lastAnswer = now
  }

  func refused(_ reason: CoordinatorMetrics.Refusal) { metrics.refused(reason) }
  func refused(_ reason: Refusal, by member: String, count: Int) {
    metrics.refused(CoordinatorMetrics.Refusal(reason), by: member, count: count)
  }
  func lost(_ role: Role) { metrics.lost(role) }
  func recovered(after seconds: Double) { metrics.recovery.record(seconds) }
  func rebuilt(_ positions: Int) { metrics.rebuiltPositions.increment(by: positions) }
  func queued(_ seconds: Double) { metrics.queueTime.record(seconds) }
  func firstToken(after seconds: Double) { metrics.timeToFirstToken.record(seconds) }
  func betweenTokens(_ seconds: Double) { metrics.timeBetweenTokens.record(seconds) }
  func failed(_ code: WireError.Code) { metrics.failed(code) }
}
