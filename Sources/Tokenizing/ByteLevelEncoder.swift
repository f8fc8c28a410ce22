/// Byte-pair encoding over bytes, as Llama 3's tokeniser does it.

/// Merges the neighbours within a word whose pair stands first in the list, until none is left.
struct ByteLevelEncoder: SegmentEncoder {
  private struct Merge {
    let rank: Int32
    let result: Int32
  }

  private let vocabulary: PieceIndex
  /// The tokens of single bytes.
  private let byteTokens: [Int32]
  private let merges: [UInt64: Merge]
  /// Whether a word that is a token as it stands is taken whole, as Llama 3 does (`ignore_merges`).
  private let takesWholeWords: Bool

  /// Text of any length is cut into words, whose cost grows a little faster than their length.
  var bytesMax: Int { .max }

  /// `merges` are pairs of tokens in their bytes, the first to be merged first; `name` stands in
  /// messages. Throws `malformedModel` where a byte has no token, or a merge makes none.
  init(
    _ vocabulary: PieceIndex, merges pairs: [(left: [UInt8], right: [UInt8])],
    takesWholeWords: Bool = true, name: String
  ) throws(TokenizingError) {
    self.vocabulary = vocabulary
    self.takesWholeWords = takesWholeWords
    var byteTokens: [Int32] = []
    for byte in UInt8.min ... .max {
      guard let id = vocabulary.id(of: [byte]) else {
        throw Self.malformed(name, "the byte \(byte) has no token")
      }
      byteTokens.append(id)
    }
    self.byteTokens = byteTokens
    var merges: [UInt64: Merge] = [:]
    merges.reserveCapacity(pairs.count)
    for (rank, pair) in pairs.enumerated() {
      guard let left = vocabulary.id(of: pair.left), let right = vocabulary.id(of: pair.right),
        let result = vocabulary.id(of: pair.left + pair.right)
      else { throw Self.malformed(name, "merge \(rank) has parts or a result that are no tokens") }
      let key = Self.key(left, right)
      if merges[key] == nil { merges[key] = Merge(rank: Int32(rank), result: result) }
    }
    self.merges = merges
  }

  private static func malformed(_ name: String, _ cause: String) -> TokenizingError {
    TokenizingError(.malformedModel, "\(name) has no whole byte-level vocabulary: \(cause)")
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  func encode(_ text: ArraySlice<UInt8>) -> [Int32]? {
    var ids: [Int32] = []
    for word in LlamaWords.words(text) {
      if takesWholeWords, let id = vocabulary.id(of: Array(word)),
        vocabulary[id]?.kind == .normal
      {
        ids.append(id)
      } else {
        merge(word, into: &ids)
      }
    }
    return ids
  }

  /// A pair of neighbours that may be merged.
  private struct Candidate: Comparable {
    let rank: Int32
    /// Where the left one stands.
    let position: Int32
    let left: Int32
    let right: Int32
    let result: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.rank, a.position) < (b.rank, b.position)
    }
  }

  private func merge(_ word: ArraySlice<UInt8>, into ids: inout [Int32]) {
    // Tokens in a list linked both ways; -1 marks one that has become part of its left neighbour.
    var tokens = word.map { byteTokens[Int($0)] }
    var next = (1...tokens.count).map { $0 }
    var previous = (-1..<tokens.count - 1).map { $0 }
    var candidates = MinimumHeap<Candidate>()
    func consider(_ left: Int, _ right: Int) {
      guard left >= 0, right < tokens.count,
        let merge = merges[Self.key(tokens[left], tokens[right])]
      else { return }
      candidates.insert(
        Candidate(
          rank: merge.rank, position: Int32(left), left: tokens[left], right: tokens[right],
          result: merge.result))
    }
    for left in 0..<tokens.count - 1 { consider(left, left + 1) }
    while let best = candidates.popFirst() {
      let left = Int(best.position)
      let right = next[left]
      // One of the two may have been merged with another since.
      guard tokens[left] == best.left, right < tokens.count, tokens[right] == best.right else {
        continue
      }
      tokens[left] = best.result
      tokens[right] = -1
      next[left] = next[right]
      if next[right] < tokens.count { previous[next[right]] = left }
      consider(previous[left], left)
      consider(left, next[left])
    }
    ids += tokens.lazy.filter { $0 >= 0 }
  }
}
