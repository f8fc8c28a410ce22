/// Whose turn it is.

/// Sequences that wait, by user. Whoever has been served the fewest tokens comes first, and of each
/// user the sequence that came first. Counting as in Sheng et al., "Fairness in Serving Large
/// Language Models" (OSDI 2024): who comes back after a pause gets no credit for it.
struct FairQueue: Sendable {
  private struct User: Sendable {
    /// Tokens computed for the user.
    var served = 0
    /// Sequences of the user, waiting or running.
    var sequences = 0
    /// By arrival.
    var waiting: [SequenceID] = []
  }

  private var users: [String: User] = [:]
  private(set) var count = 0

  /// A sequence of a user is there; it does not wait yet.
  mutating func enter(_ user: String) {
    if users[user] == nil {
      let least = users.values.reduce(Int.max) { min($0, $1.served) }
      users[user] = User(served: least == .max ? 0 : least)
    }
    users[user]?.sequences += 1
  }

  /// A sequence of a user is gone; it does not wait any more.
  mutating func leave(_ user: String) {
    users[user]?.sequences -= 1
    if users[user]?.sequences == 0 { users[user] = nil }
  }

  mutating func wait(_ id: SequenceID, of user: String) {
    guard let waiting = users[user]?.waiting else { return }
    let place = waiting.lastIndex { $0 < id }.map { $0 + 1 } ?? 0
    users[user]?.waiting.insert(id, at: place)
    count += 1
  }

  mutating func remove(_ id: SequenceID, of user: String) {
    guard let place = users[user]?.waiting.firstIndex(of: id) else { return }
    users[user]?.waiting.remove(at: place)
    count -= 1
  }

  mutating func serve(_ tokens: Int, to user: String) { users[user]?.served += tokens }

  /// Tokens computed for a user.
  func served(_ user: String) -> Int { users[user]?.served ?? 0 }

  /// Everybody who waits, in the order of their turns: users take turns, the least served first.
  func inOrder() -> [SequenceID] {
    if users.count == 1 { return users.first?.value.waiting ?? [] }
    return users.values.flatMap { user in
      user.waiting.enumerated().map { (turn: $0, served: user.served, id: $1) }
    }.sorted { ($0.turn, $0.served, $0.id) < ($1.turn, $1.served, $1.id) }.map(\.id)
  }
}
