/// How long steps take by the number of their rows, as measured.

/// The measured curve of seconds over rows, for the slowest stage of each step. Medians of the last
/// samples keep a hiccup of one machine from shrinking steps; samples that are old are forgotten, so
/// that a machine that was slow for a while gets another try.
struct StepCurve: Sendable {
  private struct Sample: Sendable {
    let rows: Int
    let seconds: Double
    let age: Int
  }

  /// Rows that take as long as one, roughly, since one waits for the weights: for the first guess.
  private static let rowsPerRead = 4.0
  /// Samples that a median is taken of.
  private static let samplesKept = 9
  /// Steps after which a sample is forgotten.
  private static let stepsRemembered = 512
  /// The first step may have to bring its weights from the disk.
  private static let unmeasuredSeconds = 10.0
  /// What part of the allowed time is planned for.
  private static let margin = 0.9

  /// Samples by quarter octaves of rows.
  private var buckets: [[Sample]] = []
  private var steps = 0
  /// How long a step of one row is said to take.
  private let predictedSeconds: Double

  /// `predictedSeconds` is the plan's guess at a step of one row, which counts until something is
  /// measured.
  init(predictedSeconds: Double) { self.predictedSeconds = predictedSeconds }

  /// Adds what a step took at the stage that took longest.
  mutating func add(rows: Int, seconds: Double) {
    guard rows > 0, seconds.isFinite, seconds > 0 else { return }
    steps += 1
    let bucket = Self.bucket(rows)
    while buckets.count <= bucket { buckets.append([]) }
    buckets[bucket].append(Sample(rows: rows, seconds: seconds, age: steps))
    if buckets[bucket].count > Self.samplesKept { buckets[bucket].removeFirst() }
  }

  /// The most rows of a step that is to take no longer than `seconds`.
  func rowsMax(within seconds: Double) -> Int {
    let limit = seconds * Self.margin
    let points = points
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

  /// How long a step of so many rows takes at the slowest stage, in seconds: what larger ones were
  /// measured to take, else in proportion to the largest. Before anything is measured, a cautious
  /// guess.
  func seconds(rows: Int) -> Double {
    let points = points
    if let larger = points.first(where: { $0.rows >= Double(rows) }) { return larger.seconds }
    if let largest = points.last { return largest.seconds * Double(rows) / largest.rows }
    return Self.unmeasuredSeconds + predictedSeconds * Double(rows)
  }

  /// Median rows and seconds of each bucket that is remembered, by rising rows.
  private var points: [(rows: Double, seconds: Double)] {
    buckets.compactMap { samples in
      let recent = samples.filter { steps - $0.age < Self.stepsRemembered }
      guard !recent.isEmpty else { return nil }
      let rows = recent.reduce(0.0) { $0 + Double($1.rows) } / Double(recent.count)
      return (rows, recent.map(\.seconds).sorted()[recent.count / 2])
    }
  }

  private static func bucket(_ rows: Int) -> Int {
    let octave = Int.bitWidth - 1 - rows.leadingZeroBitCount
    return 4 * octave + ((rows << 2) >> octave & 3)
  }
}
