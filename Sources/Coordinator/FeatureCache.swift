/// Which images' features stage 0 holds, or is about to.

internal import Messaging
internal import Wire

/// Image features at stage 0, by content. There is room for a number of images; those that no
/// sequence uses stay until the room is needed, least recently used first.
struct FeatureCache: Sendable {
  struct Entry: Sendable {
    let digest: ContentDigest
    /// Sequences whose prefill needs it, by arrival.
    var users: Set<SequenceID> = []
    /// The vision node that encodes it; nil until there is one.
    var node: PeerIdentity?
    /// What a node is asked, for as long as the features are not there.
    var request: EncodeImage?
    /// When it was last asked for, in the order of asking.
    var lastUsed: UInt64

    var isReady: Bool { request == nil }
  }

  /// What came of asking for images.
  struct Acquired {
    /// The images' numbers, in the order of asking.
    var numbers: [UInt64] = []
    /// Those of them that must be encoded.
    var new: [UInt64] = []
    /// Images that made room.
    var evicted: [UInt64] = []
  }

  /// Images that there is room for.
  let capacity: Int
  private(set) var entries: [UInt64: Entry] = [:]
  private var index: [ContentDigest: UInt64] = [:]
  private var lastNumber: UInt64 = 0
  private var uses: UInt64 = 0
  /// Images that wait for a vision node, first come first served.
  private(set) var undispatched: [UInt64] = []
  /// Images that did not have to be encoded.
  private(set) var hits = 0

  init(capacity: Int) { self.capacity = capacity }

  subscript(_ number: UInt64) -> Entry? { entries[number] }

  /// Takes images for a sequence; nil if there is no room for all that are not here. `request` says
  /// what to ask a node for the image of this number.
  mutating func acquire(
    _ digests: [ContentDigest], for sequence: SequenceID,
    request: (_ index: Int, _ number: UInt64) -> EncodeImage
  ) -> Acquired? {
    let wanted = Set(digests)
    let missing = wanted.count { index[$0] == nil }
    let unused = entries.filter {
      $0.value.users.isEmpty && $0.value.isReady && !wanted.contains($0.value.digest)
    }
    let excess = entries.count + missing - capacity
    guard excess <= unused.count else { return nil }
    var acquired = Acquired()
    if excess > 0 {
      let oldest = unused.sorted { $0.value.lastUsed < $1.value.lastUsed }.prefix(excess)
      acquired.evicted = oldest.map(\.key)
      for (number, entry) in oldest {
        entries[number] = nil
        index[entry.digest] = nil
      }
    }
    uses += 1
    for (place, digest) in digests.enumerated() {
      if let number = index[digest] {
        acquired.numbers.append(number)
        if entries[number]?.lastUsed != uses { hits += 1 }
      } else {
        lastNumber += 1
        acquired.numbers.append(lastNumber)
        acquired.new.append(lastNumber)
        undispatched.append(lastNumber)
        index[digest] = lastNumber
        entries[lastNumber] = Entry(
          digest: digest, request: request(place, lastNumber), lastUsed: uses)
      }
      entries[acquired.numbers[place]]?.users.insert(sequence)
      entries[acquired.numbers[place]]?.lastUsed = uses
    }
    return acquired
  }

  /// A sequence needs images no more. One that nobody has begun to encode is forgotten.
  mutating func release(_ numbers: some Sequence<UInt64>, of sequence: SequenceID) {
    for number in numbers {
      entries[number]?.users.remove(sequence)
      guard let entry = entries[number], entry.users.isEmpty else { continue }
      if !entry.isReady, entry.node == nil { remove(number) }
    }
  }

  mutating func dispatch(_ number: UInt64, to node: PeerIdentity) {
    entries[number]?.node = node
    undispatched.removeAll { $0 == number }
  }

  /// The features are at stage 0.
  mutating func setReady(_ number: UInt64) {
    entries[number]?.request = nil
    undispatched.removeAll { $0 == number }
  }

  /// Forgets an image.
  mutating func remove(_ number: UInt64) {
    guard let entry = entries.removeValue(forKey: number) else { return }
    index[entry.digest] = nil
    undispatched.removeAll { $0 == number }
  }

  /// A vision node is gone: what it had in hand waits for another.
  mutating func forget(_ node: PeerIdentity) {
    for (number, entry) in entries where entry.node == node && !entry.isReady {
      entries[number]?.node = nil
      undispatched.append(number)
      if entry.users.isEmpty { remove(number) }
    }
    undispatched.sort()
  }

  /// What has not come is asked for once more, by the plan of another epoch.
  mutating func askAgain(epoch: UInt64) {
    for (number, entry) in entries where !entry.isReady {
      entries[number]?.request?.epoch = epoch
      entries[number]?.node = nil
      if entry.users.isEmpty { remove(number) }
    }
    undispatched = entries.filter { !$0.value.isReady }.keys.sorted()
  }

  /// Images that a node has in hand.
  func outstanding(_ node: PeerIdentity) -> Int {
    entries.values.count { $0.node == node && !$0.isReady }
  }
}
