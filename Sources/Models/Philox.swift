/// Philox4x32-10, a counter-based random number generator (Salmon et al., SC 2011).

/// Random numbers that are a function of key and counter alone: nothing to carry over when a
/// sequence moves to another machine.
struct Philox: Sendable {
  let key: (UInt32, UInt32)

  init(seed: UInt64) { key = (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)) }

  /// Four random words for a counter.
  func block(_ counter: (UInt32, UInt32, UInt32, UInt32)) -> (UInt32, UInt32, UInt32, UInt32) {
    var (a, b, c, d) = counter
    var (first, second) = key
    for _ in 0..<10 {
      let left = UInt64(a) * 0xD251_1F53
      let right = UInt64(c) * 0xCD9E_8D57
      (a, b, c, d) = (
        UInt32(right >> 32) ^ b ^ first, UInt32(truncatingIfNeeded: right),
        UInt32(left >> 32) ^ d ^ second, UInt32(truncatingIfNeeded: left)
      )
      first &+= 0x9E37_79B9
      second &+= 0xBB67_AE85
    }
    return (a, b, c, d)
  }

  /// A number in [0, 1) for a token's position.
  func uniform(at position: Int) -> Double {
    let words = block((UInt32(truncatingIfNeeded: position), 0, 0, 0))
    return Double(UInt64(words.0) << 21 | UInt64(words.1) >> 11) * 0x1p-53
  }
}
