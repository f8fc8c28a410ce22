/// Who has come too often without a key that is known, and must wait.
///
/// A token bucket for each source and one for all together, counted the other way round: each
/// connection is a debt, which time pays off. Whoever turns out to be known gets it back. Pure:
/// times are given, in nanoseconds of a monotonic clock.
struct ConnectionBudget {
  /// What strangers may cost.
  struct Allowance: Equatable {
    /// Connections at once.
    var burst: Double
    /// Connections a second in the long run.
    var perSecond: Double

    /// What is owed at most: those who come before they can be held off shall not be made to wait
    /// for ever.
    var debtMax: Double { 2 * burst }

    /// How long it takes until a connection is paid, behind as many others as may be.
    var secondsToPay: Double { burst / perSecond }
  }

  /// What somebody who connected was charged with, and when.
  struct Charge: Equatable {
    var source: SourceNetwork
    /// Whether it was not the source's alone.
    var isCommon: Bool
    var at: UInt64
  }

  /// Who must wait.
  struct Held: Equatable {
    var everybody = false
    var sources: Set<SourceNetwork> = []
    /// When one of them need not any more, unless others come; `nil` where nobody waits.
    var until: UInt64?
  }

  /// More than the members that one host may have when a coordinator comes back: they all arrive
  /// before the first has said who it is.
  static let perSource = Allowance(burst: 32, perSecond: 4)
  /// Handshakes at this pace cost some 4 % of one processor.
  static let together = Allowance(burst: 256, perSecond: 64)
  /// Sources held off by name. Where it would be more, everybody is.
  static let heldSourcesMax = 32
  /// Sources with debts; those of more are counted together only.
  static let sourcesMax = 4096

  private struct Debt {
    var amount = 0.0
    var paidUntil: UInt64
    var isHeld = false

    /// Takes off what time has paid, then adds what is new.
    mutating func change(by new: Double, _ allowance: Allowance, now: UInt64) {
      let seconds = Double(now - min(now, paidUntil)) / 1e9
      amount = max(0, amount - seconds * allowance.perSecond)
      amount = min(max(0, amount + new), allowance.debtMax)
      paidUntil = max(now, paidUntil)
      // Half a connection of slack, so that rounding lets nobody wait for ever.
      if amount > allowance.burst { isHeld = true }
      if amount <= allowance.burst - 0.5 { isHeld = false }
    }

    func freeAt(_ allowance: Allowance) -> UInt64 {
      paidUntil + UInt64(max(0, amount - allowance.burst + 1) / allowance.perSecond * 1e9)
    }
  }

  private var debts: [SourceNetwork: Debt] = [:]
  private var total = Debt(paidUntil: 0)
  private var heldSources: Set<SourceNetwork> = []

  /// Somebody has connected.
  mutating func arrived(from source: SourceNetwork, now: UInt64) -> Charge {
    if makeRoom(for: source, now: now) { change(source, by: 1, now: now) }
    // One host alone does not hold off everybody.
    let isCommon = !heldSources.contains(source)
    if isCommon {
      total.change(by: 1, Self.together, now: now)
    }
    return Charge(source: source, isCommon: isCommon, at: now)
  }

  /// Somebody who had connected is known after all, and gets back what time has not paid yet.
  mutating func refund(_ charge: Charge, now: UInt64) {
    let age = Double(now - min(now, charge.at)) / 1e9
    if charge.isCommon, age < Self.together.secondsToPay {
      total.change(by: -1, Self.together, now: now)
    }
    if debts[charge.source] != nil, age < Self.perSource.secondsToPay {
      change(charge.source, by: -1, now: now)
    }
  }

  /// Who must wait at this moment.
  mutating func held(now: UInt64) -> Held {
    total.change(by: 0, Self.together, now: now)
    for source in heldSources { change(source, by: 0, now: now) }
    var held = Held()
    held.everybody = total.isHeld || heldSources.count > Self.heldSourcesMax
    held.sources = heldSources
    held.until = heldSources.compactMap { debts[$0]?.freeAt(Self.perSource) }.min()
    if total.isHeld { held.until = min(held.until ?? .max, total.freeAt(Self.together)) }
    return held
  }

  private mutating func change(_ source: SourceNetwork, by amount: Double, now: UInt64) {
    var debt = debts[source] ?? Debt(paidUntil: now)
    debt.change(by: amount, Self.perSource, now: now)
    debts[source] = debt.amount > 0 || debt.isHeld ? debt : nil
    if debt.isHeld { heldSources.insert(source) } else { heldSources.remove(source) }
  }

  /// Whether a source is or can be remembered.
  private mutating func makeRoom(for source: SourceNetwork, now: UInt64) -> Bool {
    if debts[source] != nil || debts.count < Self.sourcesMax { return true }
    debts = debts.filter { _, debt in
      var debt = debt
      debt.change(by: 0, Self.perSource, now: now)
      return debt.amount > 0
    }
    return debts.count < Self.sourcesMax
  }
}
