/// Rotary position embedding in the rotate-half form of Hugging Face's Llama (arXiv 2104.09864).

import Foundation

/// Rotates query and key heads by their positions.
public struct RotaryEmbedding: Sendable {
  /// Angle a position, `[headWidth / 2]`.
  public let frequencies: [Float]

  public init(frequencies: [Float]) { self.frequencies = frequencies }
}

/// Cosines and sines of the angles of the positions from 0 on, each computed once.
///
/// In f32 throughout, as transformers computes them: at large positions the rounding of the angle
/// shows.
public struct RotaryTable: Sendable {
  private var frequencies: [Float] = []
  private var positions = 0
  private var cosines: [Float] = []  // [positions, headWidth / 2]
  private var sines: [Float] = []  // [positions, headWidth / 2]

  public init() {}

  /// Holds positions below `end` of `embedding` from now on.
  public mutating func cover(_ end: Int, of embedding: RotaryEmbedding) {
    if embedding.frequencies != frequencies {
      self = RotaryTable()
      frequencies = embedding.frequencies
    }
    guard end > positions else { return }
    // In steps, so that a growing sequence does not grow the table with every token.
    let end = (end + Self.step - 1) / Self.step * Self.step
    for position in positions..<end {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cosf(angle))
        sines.append(sinf(angle))
      }
    }
    positions = end
  }

  private static let step = 256
}

extension RotaryTable {
  /// Rotates every head of every row: rows `[tokens, heads * headWidth]`, one position each.
  public func rotate(
    _ rows: inout Matrix, at positions: [Int], heads: Int, on team: ThreadTeam = .single
  ) {
    let (half, columns) = (frequencies.count, rows.columns)
    precondition(columns == heads * half * 2 && positions.count == rows.rows)
    precondition(positions.allSatisfy { (0..<self.positions).contains($0) })
    let grain = Matrix.rowGrain(columns)
    rows.withUnsafeValues { target in
      guard let base = target.baseAddress else { return }
      team.share(positions.count, grain: grain, with: (base, self, positions, heads)) {
        job, range, _ in
        let (base, table, positions, heads) = job
        let width = heads * table.frequencies.count * 2
        for row in range {
          table.rotate(base + row * width, at: positions[row], heads: heads)
        }
      }
    }
  }

  private func rotate(_ row: UnsafeMutablePointer<Float>, at position: Int, heads: Int) {
    let half = frequencies.count
    cosines.withUnsafeBufferPointer { cosines in
      sines.withUnsafeBufferPointer { sines in
        for head in 0..<heads {
          let x = row + head * half * 2
          for i in 0..<half {
            let (cosine, sine) = (cosines[position * half + i], sines[position * half + i])
            let (first, second) = (x[i], x[i + half])
            x[i] = first * cosine - second * sine
            x[i + half] = second * cosine + first * sine
          }
        }
      }
    }
  }
}
