/// Rotary position embedding in the rotate-half form of Hugging Face's Llama (arXiv 2104.09864).

import Foundation

/// Rotates query and key heads by their positions.
public struct RotaryEmbedding: Sendable {
  /// Angle a position, `[headWidth / 2]`.
  public let frequencies: [Float]

  public init(frequencies: [Float]) { self.frequencies = frequencies }

  /// Cosines and sines of the angles at `positions`, one row each, `[positions, headWidth / 2]`.
  ///
  /// In f32 throughout, as transformers computes them: at large positions the rounding of the angle
  /// shows.
  public func angles(at positions: [Int]) -> Angles {
    var angles = Angles(half: frequencies.count, cosines: [], sines: [])
    angles.cosines.reserveCapacity(positions.count * frequencies.count)
    angles.sines.reserveCapacity(positions.count * frequencies.count)
    for position in positions {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        angles.cosines.append(cosf(angle))
        angles.sines.append(sinf(angle))
      }
    }
    return angles
  }

  /// The angles of a step's tokens, shared by all its layers.
  public struct Angles: Sendable {
    let half: Int
    var cosines: [Float]
    var sines: [Float]
  }
}

extension Matrix {
  /// Rotates every head of every row: `[tokens, heads * headWidth]`, angles one row a token.
  public mutating func rotate(by angles: RotaryEmbedding.Angles, heads: Int) {
    let half = angles.half
    let (rows, columns) = (rows, columns)
    precondition(columns == heads * half * 2 && angles.cosines.count == rows * half)
    withUnsafeValues { target in
      guard let base = target.baseAddress else { return }
      for row in 0..<rows {
        for head in 0..<heads {
          let x = base + row * columns + head * half * 2
          for i in 0..<half {
            let (cosine, sine) = (angles.cosines[row * half + i], angles.sines[row * half + i])
            let (first, second) = (x[i], x[i + half])
            x[i] = first * cosine - second * sine
            x[i + half] = second * cosine + first * sine
          }
        }
      }
    }
  }
}
