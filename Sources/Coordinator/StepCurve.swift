/// How long steps take by their rows and by what these attend to, as measured.

/// The measured curve of seconds over rows, for the slowest stage of each step, and the time that each
/// position takes which a row attends to: late in a long prompt a row may take twice as long as at its
/// beginning. Medians of the last samples keep a hiccup of one machine from shrinking steps; samples
/// that are old are forgotten, so that a machine that was slow for a while gets another try.
struct StepCurve: Sendable {
  private struct Sample: Sendable {
    let rows: Int
    /// Positions that the rows attend to, summed over rows.
    let attended: Int
    let seconds: Double
    /// How many steps there were with it.
    let step: Int
  }

  /// Rows that take as long as one, roughly, since one waits for the weights: for the first guess.
  private static let rowsPerRead = 4.0
  /// Samples that a median is taken of.
  private static let samplesKept = 9
  /// Steps after which a sample is forgotten.
  private static let stepsRemembered = 512
  /// The first step may have to bring its weights from the disk.
  private static let unmeasuredSeconds = 10.0
  /// Positions that take as long to attend to as a row takes otherwise, roughly: for the first guess.
  private static let attendedPerRow = 1500.0
  /// How much steps of about the same rows must differ in what they attend to, as a sum of squares,
  /// before it is told from their times what that costs.
  private static let spreadMin = 1e8

  /// Samples by quarter octaves of rows.
  private var buckets: [[Sample]] = []
  private var steps = 0
  /// What one position takes that one row attends to, in seconds, once that has been learned.
  private var learnedSecondsPerAttended: Double?
  /// How long a step of one row is said to take.
  private let predictedSeconds: Double

  /// `predictedSeconds` is the plan's guess at a step of one row, which counts until something is
  /// measured.
  init(predictedSeconds: Double) { self.predictedSeconds = predictedSeconds }

  /// Adds what a step took at the stage that took longest; `attended` is summed over its rows.
  mutating func add(rows: Int, attended: Int = 0, seconds: Double) {
    guard rows > 0, seconds.isFinite, seconds > 0 else { return }
    steps += 1
    let bucket = Self.bucket(rows)
    while buckets.count <= bucket { buckets.append([]) }
    buckets[bucket].append(
      Sample(rows: rows, attended: attended, seconds: seconds, step: steps))
    if buckets[bucket].count > Self.samplesKept { buckets[bucket].removeFirst() }
    learnAttention()
  }

  /// Compares steps of about the same rows alone: the slope of their times over what they attend to,
  /// one for all numbers of rows. What was learned stays until there is enough to learn from again.
  private mutating func learnAttention() {
    var (spread, slope) = (0.0, 0.0)
    for samples in buckets {
      let recent = recent(samples)
      guard recent.count > 1 else { continue }
      // A hiccup says nothing of attention.
      let most = 2 * recent.map(\.seconds).sorted()[recent.count / 2]
      let count = Double(recent.count)
      let attended = recent.reduce(0) { $0 + Double($1.attended) } / count
      let seconds = recent.reduce(0) { $0 + min($1.seconds, most) } / count
      for sample in recent {
        let distance = Double(sample.attended) - attended
        spread += distance * distance
        slope += distance * (min(sample.seconds, most) - seconds)
      }
    }
    if spread > Self.spreadMin { learnedSecondsPerAttended = max(0, slope / spread) }
  }

  /// Until it is learned, a cautious guess.
  private var secondsPerAttended: Double {
    if let learnedSecondsPerAttended { return learnedSecondsPerAttended }
    guard let largest = points(\.seconds).last else { return 0 }
    return largest.seconds / largest.rows / Self.attendedPerRow
  }

  private func recent(_ samples: [Sample]) -> [Sample] {
    samples.filter { steps - $0.step < Self.stepsRemembered }
  }

  /// The most rows of a step that is to take no longer than `seconds`: `decodes` of them attend to
  /// `attended` positions together, each of the others to `context` and to those before it.
  func rowsMax(
    within seconds: Double, decodes: Int = 0, attended: Int = 0, context: Int = 0
  ) -> Int {
    let secondsPerAttended = secondsPerAttended
    let limit = seconds - secondsPerAttended * Double(attended)
    let points = points(without: secondsPerAttended).map { rows, seconds in
      let prompt = max(0, rows - Double(decodes))
      let attention = secondsPerAttended * prompt * (Double(context) + prompt / 2)
      return (rows: rows, seconds: seconds + attention)
    }
    guard let largest = points.lastIndex(where: { $0.seconds <= limit }) else {
      guard let first = points.first else {
        return Int(min(1e6, max(1, Self.rowsPerRead * limit / max(1e-9, predictedSeconds))))
      }
      return max(1, Int(first.rows * limit / first.seconds))
    }
    let known = points[largest]
    guard largest + 1 < points.count else {
      // Time grows no faster than rows; further out than twice is found out step by step.
      return max(1, Int(known.rows * min(2, limit / known.seconds)))
    }
    let beyond = points[largest + 1]
    let part = (limit - known.seconds) / (beyond.seconds - known.seconds)
    return max(1, Int(known.rows + part * (beyond.rows - known.rows)))
  }

  /// How long a step will take at the slowest stage, in seconds.
  func expected(rows: Int, attended: Int) -> Double {
    let secondsPerAttended = secondsPerAttended
    let (rows, attention) = (Double(rows), secondsPerAttended * Double(attended))
    let points = points(without: secondsPerAttended)
    guard let last = points.last else { return predictedSeconds * max(1, rows / Self.rowsPerRead) }
    guard let index = points.firstIndex(where: { $0.rows >= rows }) else {
      return last.seconds * rows / last.rows + attention
    }
    guard index > 0 else { return points[0].seconds + attention }
    let (below, above) = (points[index - 1], points[index])
    let part = (rows - below.rows) / (above.rows - below.rows)
    return below.seconds + part * (above.seconds - below.seconds) + attention
  }

  /// The longest that a step of so many rows takes at the slowest stage, in seconds: what larger ones were
  /// measured to take, else in proportion to the largest. Before anything is measured, a cautious
  /// guess.
  func seconds(rows: Int) -> Double {
    let points = points(\.seconds)
    if let larger = points.first(where: { $0.rows >= Double(rows) }) { return larger.seconds }
    if let largest = points.last { return largest.seconds * Double(rows) / largest.rows }
    return Self.unmeasuredSeconds + predictedSeconds * Double(rows)
  }

  /// What a bucket says of its rows.
  private struct Point {
    let rows: Double
    var seconds: Double
    /// The step of its last sample.
    let step: Int
  }

  /// Mean rows and median time of each bucket that is remembered, by rising rows, without what the
  /// rows attend to.
  ///
  /// Fewer rows take no more time, and more rows no more a row. An older bucket that says otherwise tells of
  /// a hiccup or of a while in which the machine was slow, and would not be measured again soon: steps
  /// stay as small as it made them.
  private func points(without secondsPerAttended: Double) -> [(rows: Double, seconds: Double)] {
    var points = points { sample in
      // Never nothing, however wrong the slope.
      max(sample.seconds / 4, sample.seconds - secondsPerAttended * Double(sample.attended))
    }
    for newer in points.indices.sorted(by: { points[$0].step > points[$1].step }) {
      let known = points[newer]
      for older in points.indices where points[older].step < known.step {
        let most = known.seconds * max(1, points[older].rows / known.rows)
        points[older].seconds = min(points[older].seconds, most)
      }
    }
    return points.map { ($0.rows, $0.seconds) }
  }

  private func points(_ seconds: (Sample) -> Double) -> [Point] {
    buckets.compactMap { samples in
      let recent = recent(samples)
      guard let last = recent.last else { return nil }
      let rows = recent.reduce(0.0) { $0 + Double($1.rows) } / Double(recent.count)
      return Point(
        rows: rows, seconds: recent.map(seconds).sorted()[recent.count / 2], step: last.step)
    }
  }

  private static func bucket(_ rows: Int) -> Int {
    let octave = Int.bitWidth - 1 - rows.leadingZeroBitCount
    return 4 * octave + ((rows << 2) >> octave & 3)
  }
}
