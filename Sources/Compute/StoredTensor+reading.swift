/// Reading weights without computing anything: the time that no product can be faster than.

internal import CKernels

extension StoredTensor {
  /// Reads the stored bytes once, in order, every thread a part that lies together. Fewer than 320
  /// bytes at the ends are left out where they are not aligned.
  public func readPlainly(on team: ThreadTeam) {
    let offset = -Int(bitPattern: memory.base) & 63
    let count = (byteCount - offset) / Self.readingUnit * Self.readingUnit
    guard count > 0 else { return }
    team.share(count, grain: Self.readingGrain, with: memory.base + offset) { base, range, _ in
      _ = ck_read_bytes(base + range.lowerBound, range.count)
    }
    withExtendedLifetime(memory) {}
  }

  private static let readingUnit = 256
  private static let readingGrain = 1 << 16
}
