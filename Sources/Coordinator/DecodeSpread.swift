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

  private let stages: Int
  private let numbers: [Int]
  private var kept: Int
  private var untried: [Int]
  private var trial: Trial?
  private var stretch: Stretch?
  /// Stretches since the last trial, and how many sequences decoded then.
  private var age = 0
  private var decodingTried = 0

  /// Begins with as many steps as stages.
  init(stages: Int) {
    self.stages = stages
    numbers = stages > 1 ? Set([1, stages, stages + 1, 2 * stages]).sorted() : [1]
    kept = stages
    untried = numbers.filter { $0 != stages }
  }

  /// How many steps the decodes of so many sequences are to be spread over at present.
  func steps(decoding: Int) -> Int {
    if let trial, trial.isOn { return trial.number }
    return isTried(decoding) ? kept : stages
  }

  /// Whether what was found holds for so many sequences.
  private func isTried(_ decoding: Int) -> Bool {
    decoding <= 2 * decodingTried && 2 * decoding >= decodingTried
  }

  /// A step came back with so many decodes, when so many sequences decode. `isPure`: nothing else was
  /// in it, and nothing else waits.
  mutating func complete(decodes: Int, decoding: Int, isPure: Bool, now: Double) {
    guard numbers.count > 1 else { return }
    guard isPure, decoding >= 2 * (numbers.last ?? 1) else { return breakOff() }
    guard let current = stretch, abs(current.decoding - decoding) <= current.decoding / 8 else {
      return begin(decoding, now)
    }
    guard current.tokensSkipped <= 0 else {
      stretch?.tokensSkipped -= decodes
      stretch?.start = now
      return
    }
    stretch?.tokens += decodes
    let (tokens, seconds) = (current.tokens + decodes, now - current.start)
    guard tokens >= Self.rounds * current.decoding, seconds >= Self.secondsMin else { return }
    finish(rate: Double(tokens) / seconds, decoding)
    begin(decoding, now)
  }

  /// Something else is computed: what was being tried is tried again later.
  private mutating func breakOff() {
    stretch = nil
    if let trial { untried.insert(trial.number, at: 0) }
    trial = nil
  }

  private mutating func begin(_ decoding: Int, _ now: Double) {
    stretch = Stretch(decoding: decoding, start: now, tokensSkipped: 2 * decoding)
  }

  private mutating func finish(rate: Double, _ decoding: Int) {
    if var current = trial {
      if current.isOn { current.rates.append(rate) } else { current.ratesKept.append(rate) }
      trial = current
      guard current.ratesKept.count == Self.turns else { return }
      let (tried, before) = (Self.median(current.rates), Self.median(current.ratesKept))
      if tried > Self.gainMin * before { kept = current.number }
      (age, decodingTried) = (0, decoding)
    } else {
      age += 1
      if !isTried(decoding) { kept = stages }
      if untried.isEmpty, age >= Self.stretchesBetween || !isTried(decoding) {
        untried = numbers.filter { $0 != kept }
      }
    }
    trial = untried.isEmpty ? nil : Trial(number: untried.removeFirst())
  }

  private static func median(_ rates: [Double]) -> Double { rates.sorted()[rates.count / 2] }
}
