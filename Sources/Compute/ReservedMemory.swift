/// Memory that takes no room until it is written to.

import Foundation

/// Zeroed bytes at an address of their own, given back with the object.
final class ReservedMemory {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// Nil where there are not even the addresses for so many bytes; nil bytes are more than an `Int`
  /// holds.
  init?(byteCount: Int?) {
    guard let byteCount else { return nil }
    let length = max(byteCount, 1)
    guard
      let start = mmap(
        nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      start != MAP_FAILED
    else { return nil }
    base = start
    self.byteCount = length
  }

  deinit { munmap(base, byteCount) }

  /// The product of `factors`; nil if it does not fit an `Int`.
  static func bytes(_ factors: Int...) -> Int? {
    var product = 1
    for factor in factors {
      let (partial, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = partial
    }
    return product
  }
}
