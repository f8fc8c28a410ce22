/// Chooses the next token from logits.

internal import Foundation

/// How the next token of a sequence is chosen.
public struct SamplingParameters: Sendable, Equatable {
  /// 0 chooses the likeliest token; otherwise logits are divided by it.
  public var temperature: Float
  /// Only the likeliest tokens whose probabilities reach this sum are drawn from, in (0, 1].
  public var topP: Float
  /// Only this many of the likeliest tokens are drawn from; 0 is all.
  public var topK: Int
  /// Names the stream of random numbers.
  public var seed: UInt64

  public init(temperature: Float = 0, topP: Float = 1, topK: Int = 0, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.seed = seed
  }
}

/// A token and how likely the model held it.
public struct SampledToken: Sendable, Equatable {
  public let token: Int32
  /// Natural logarithm of its probability before temperature and truncation.
  public let logProbability: Float
}

extension SamplingParameters {
  /// The token for `position` of a sequence: a function of the logits, these parameters and the
  /// position.
  ///
  /// Of equal logits the lowest id wins, as in `torch.argmax`. Order of truncation as in
  /// transformers: temperature, top-k, top-p.
  public func sample(_ logits: ArraySlice<Float>, position: Int) -> SampledToken {
    let base = logits.startIndex
    var best = base
    for index in logits.indices where logits[index] > logits[best] { best = index }
    let normalizer = logSumExp(logits, largest: logits[best])
    var chosen = best - base
    if temperature > 0 { chosen = draw(logits, largest: logits[best], position: position) }
    return SampledToken(
      token: Int32(chosen), logProbability: logits[base + chosen] - normalizer)
  }

  private func draw(_ logits: ArraySlice<Float>, largest: Float, position: Int) -> Int {
    let base = logits.startIndex
    var weights = logits.map { exp((Double($0) - Double(largest)) / Double(temperature)) }
    if topK > 0 || topP < 1 { truncate(&weights, logits) }
    let total = weights.reduce(0, +)
    var rest = Philox(seed: seed).uniform(at: position) * total
    var last = 0
    for (token, weight) in weights.enumerated() where weight > 0 {
      last = token
      rest -= weight
      if rest < 0 { break }
    }
    precondition(base + last < logits.endIndex)
    return last
  }

  /// Zeroes the weights of the tokens that are not drawn from.
  private func truncate(_ weights: inout [Double], _ logits: ArraySlice<Float>) {
    let base = logits.startIndex
    let order = weights.indices.sorted {
      (logits[base + $0], $1) > (logits[base + $1], $0)
    }
    let kept = topK > 0 ? min(topK, order.count) : order.count
    for token in order[kept...] { weights[token] = 0 }
    guard topP < 1 else { return }
    let limit = Double(topP) * weights.reduce(0, +)
    var sum = 0.0
    for token in order[..<kept] {
      if sum >= limit { weights[token] = 0 }
      sum += weights[token]
    }
  }

  private func logSumExp(_ logits: ArraySlice<Float>, largest: Float) -> Float {
    var sum = 0.0
    for logit in logits { sum += exp(Double(logit - largest)) }
    return largest + Float(log(sum))
  }
}
