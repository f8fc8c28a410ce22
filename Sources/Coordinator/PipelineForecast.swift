/// When the steps in flight will be through the pipeline, as far as their rows tell.

/// Follows steps through stages that compute them one after the other, with the time that each step is
/// expected to take at every stage, and is put right by each step that comes out.
///
///     now ─▶│ stage 0: step 7 ▓▓▓▓  step 8 ▓▓▓▓▓▓▓│ freeAt[0]
///           │ stage 1: step 6 ▓▓▓▓▓▓  step 7 ▓▓▓▓      step 8 ▓▓▓▓▓▓▓│ freeAt[1]
struct PipelineForecast: Sendable {
  /// When each stage will have done all that is in flight, in seconds.
  private var freeAt: [Double]
  /// When each step in flight will be through, in seconds.
  private var ends: [UInt64: Double] = [:]

  init(stages: Int) { freeAt = Array(repeating: 0, count: stages) }

  /// How long a step that is sent now may take at each stage to be through after `seconds`. May be
  /// negative.
  func stageSecondsMax(within seconds: Double, now: Double) -> Double {
    freeAt.enumerated().reduce(.infinity) { longest, stage in
      let stagesLeft = Double(freeAt.count - stage.offset)
      return min(longest, (now + seconds - max(now, stage.element)) / stagesLeft)
    }
  }

  /// A step is sent that is expected to take so long at each stage.
  mutating func send(_ number: UInt64, stageSeconds: Double, now: Double) {
    var end = now
    for stage in freeAt.indices {
      end = max(end, freeAt[stage]) + stageSeconds
      freeAt[stage] = end
    }
    ends[number] = end
  }

  /// A step is through: what is behind it is late, or early, by as much.
  mutating func complete(_ number: UInt64, now: Double) {
    guard let end = ends.removeValue(forKey: number) else { return }
    let delay = now - end
    for stage in freeAt.indices { freeAt[stage] = max(now, freeAt[stage] + delay) }
    for (number, end) in ends { ends[number] = end + delay }
  }
}
