/// Over how many steps decodes are spread, found by trying.

/// As many steps as stages keep every stage at work. More are better where the way between stages
/// takes long, fewer where stages share the memory of one machine and reading weights is the limit: a
/// stage then takes as long for half of the sequences as for all. No single step shows which it is, so
/// other numbers are tried for a moment now and then, while sequences do nothing but decode, and kept
/// if they give more tokens a second.
struct DecodeSpread: Sendable {
  /// Tokens a second with a number that is tried and with the one that is kept, in turns.
  private struct Trial: Sendable {
    let number: Int
    var rates: [Double] = []
    var ratesKept: [Double] = []

    var isOn: Bool { rates.count == ratesKept.count }
  }

  /// Steps that were nothing but decodes of the same sequences, more or less.
  private struct Stretch: Sendable {
    let decoding: Int
    var start: Double
    /// Tokens that are not counted: of steps that were formed before.
    var tokensSkipped: Int
    var tokens = 0
  }

  /// Tokens of each sequence, and seconds, that a rate is measured over.
  private static let rounds = 5
  private static let secondsMin = 0.1
  /// Rates of each side that are compared.
  private static let turns = 3
  /// How much better another number must be.
  private static let gainMin = 1.05
  /// Stretches between trials.
  private static let stretchesBetween = 400

  private let numbers: [Int]
  private var kept: Int
  private var untried: [Int]
  private var trial: Trial?
  private var stretch: Stretch?
  /// Stretches since the last trial.
  private var age = 0

  /// Begins with as many steps as stages.
  init(stages: Int) {
    numbers = stages > 1 ? Set([1, stages, stages + 1, 2 * stages]).sorted() : [1]
    kept = stages
    untried = numbers.filter { $0 != stages }
  }

  /// How many steps the decodes are to be spread over at present.
  var steps: Int {
    if let trial, trial.isOn { return trial.number }
    return kept
  }

  /// A step came back with so many decodes, when so many sequences decode. `isPure`: nothing else was
  /// in it, and nothing else waits.
  mutating func complete(decodes: Int, decoding: Int, isPure: Bool, now: Double) {
    guard numbers.count > 1 else { return }
    guard isPure, decoding >= 2 * (numbers.last ?? 1) else {
      stretch = nil
      return
    }
    guard let current = stretch, abs(current.decoding - decoding) <= current.decoding / 8 else {
      if let stretch, abs(stretch.decoding - decoding) > stretch.decoding / 4 { renew() }
      begin(decoding, now)
      return
    }
    guard current.tokensSkipped <= 0 else {
      stretch?.tokensSkipped -= decodes
      stretch?.start = now
      return
    }
    stretch?.tokens += decodes
    let (tokens, seconds) = (current.tokens + decodes, now - current.start)
    guard tokens >= Self.rounds * current.decoding, seconds >= Self.secondsMin else { return }
    finish(rate: Double(tokens) / seconds)
    begin(decoding, now)
  }

  private mutating func begin(_ decoding: Int, _ now: Double) {
    stretch = Stretch(decoding: decoding, start: now, tokensSkipped: 2 * decoding)
  }

  private mutating func renew() { untried = numbers.filter { $0 != kept } }

  private mutating func finish(rate: Double) {
    if var current = trial {
      if current.isOn { current.rates.append(rate) } else { current.ratesKept.append(rate) }
      trial = current
      guard current.ratesKept.count == Self.turns else { return }
      let (tried, before) = (Self.median(current.rates), Self.median(current.ratesKept))
      if tried > Self.gainMin * before { kept = current.number }
      age = 0
    } else {
      age += 1
      if age == Self.stretchesBetween { renew() }
    }
    trial = untried.isEmpty ? nil : Trial(number: untried.removeFirst())
  }

  private static func median(_ rates: [Double]) -> Double { rates.sorted()[rates.count / 2] }
}
