import Testing

@testable import Compute

@Suite("activation log")
struct ActivationLogTests {
  @Test("rows come back by block and slot, however they were cut into runs")
  func roundTrip() throws {
    let (blocks, blockTokens, rowBytes) = (12, 4, 6)
    let log = try ActivationLog(blocks: blocks, blockTokens: blockTokens, rowBytes: rowBytes)
    let tables: [[UInt32]] = [[3, 0, 7], [11, 2, 5]]
    func row(_ sequence: Int, _ position: Int) -> [UInt8] {
      (0..<rowBytes).map { UInt8(100 * sequence + 7 * position + $0) }
    }
    // Two sequences side by side, in chunks that end inside blocks.
    for (start, end) in [(0, 3), (3, 4), (4, 11), (11, 12)] {
      let runs = tables.indices.map { sequence in
        TokenRun(
          firstRow: sequence * (end - start), count: end - start, firstPosition: start,
          blocks: tables[sequence])
      }
      log.record(
        tables.indices.flatMap { sequence in (start..<end).flatMap { row(sequence, $0) } }, of: runs
      )
    }
    let runs = [
      TokenRun(firstRow: 0, count: 5, firstPosition: 2, blocks: tables[1]),
      TokenRun(firstRow: 5, count: 12, firstPosition: 0, blocks: tables[0]),
    ]
    #expect(
      log.activations(of: runs)
        == (2..<7).flatMap { row(1, $0) } + (0..<12).flatMap { row(0, $0) })
    #expect(log.reservedBytes == blocks * blockTokens * rowBytes)
  }

  @Test("more than there is memory for is refused with what to do")
  func tooLarge() {
    #expect(throws: ComputeError.self) {
      try ActivationLog(blocks: 1 << 40, blockTokens: 1 << 20, rowBytes: 1 << 10)
    }
  }
}
