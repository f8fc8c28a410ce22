/// What a trace shows.

/// Work that was done somewhere at some time. Times are in seconds on the coordinator's clock.
struct TraceEvent: Sendable, Equatable {
  /// Where it was done: a row of the trace.
  enum Track: Sendable, Hashable {
    /// The way of steps through the pipeline, as the coordinator sees it.
    case pipeline
    case stage(Int, name: String)
    case vision(name: String)
  }

  let track: Track
  /// Such as "step 12".
  let name: String
  let start: Double
  let seconds: Double
  /// Numbers that are shown beside it.
  var details: [(name: String, value: Double)] = []
  /// Work that overlaps with other work of its track carries a number of its own.
  var overlap: UInt64?

  static func == (left: TraceEvent, right: TraceEvent) -> Bool {
    left.track == right.track && left.name == right.name && left.start == right.start
      && left.seconds == right.seconds && left.overlap == right.overlap
      && left.details.elementsEqual(right.details, by: ==)
  }
}
