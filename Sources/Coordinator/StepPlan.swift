/// One step as the scheduler sees it.
struct StepPlan: Sendable, Equatable {
  struct Span: Sendable, Equatable {
    let sequence: SequenceID
    let firstPosition: Int
    /// Token ids of the span's positions.
    let tokens: [Int32]
    /// Whether a token is sampled after the span: nothing is known of the sequence beyond it.
    let samples: Bool
    /// The sequence's blocks up to the span's last position.
    let blocks: [Int]

    var count: Int { tokens.count }
    var positions: Range<Int> { firstPosition..<firstPosition + tokens.count }
    /// Positions that its rows attend to: each to all before it and to itself, summed over rows.
    var attended: Int { count * firstPosition + count * (count + 1) / 2 }
  }

  let number: UInt64
  let spans: [Span]

  var rows: Int { spans.reduce(0) { $0 + $1.count } }
  /// Rows that give a sequence its next token. The last row of a prompt, alone in a step, looks like
  /// one and counts as one.
  var decodes: Int { spans.count { $0.samples && $0.count == 1 } }
  /// Positions that the rows attend to, summed over rows.
  var attended: Int { spans.reduce(0) { $0 + $1.attended } }
}
