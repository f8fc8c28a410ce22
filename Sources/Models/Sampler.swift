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
  /// Taken off the logit of each token that the answer holds already.
  public var presencePenalty: Float
  /// Taken off a token's logit for each time that the answer holds it.
  public var frequencyPenalty: Float

  public init(
    temperature: Float = 0, topP: Float = 1, topK: Int = 0, seed: UInt64 = 0,
    presencePenalty: Float = 0, frequencyPenalty: Float = 0
  ) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.seed = seed
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
  }
}

/// A token and how likely the model held it.
public struct SampledToken: Sendable, Equatable {
  public let token: Int32
  /// Natural logarithm of its probability before penalties, temperature and truncation; nil if it
  /// was not asked for.
  public let logProbability: Float?
  /// The likeliest tokens, as many as were asked for, likeliest first.
  public let likeliest: [TokenProbability]
}

/// A token and the natural logarithm of its probability.
public struct TokenProbability: Sendable, Equatable {
  public let token: Int32
  public let logProbability: Float
}

extension SamplingParameters {
  /// The token for `position` of a sequence: a function of the logits, these parameters, the
  /// position and the tokens so far.
  ///
  /// Of equal logits the lowest id wins, as in `torch.argmax`. `generated` counts the answer's
  /// tokens, for the penalties; tokens in `withheld` are not chosen. Penalties come first, as
  /// OpenAI has them; then, as in transformers, temperature, top-k, top-p. `likeliest` asks for
  /// log-probabilities, and for that many tokens besides; they are those of the logits as they came.
  public func sample(
    _ logits: ArraySlice<Float>, position: Int, generated: [(token: Int32, count: Int)] = [],
    withheld: [Int32] = [], likeliest: Int? = nil
  ) -> SampledToken {
    let chosen: Int
    if generated.isEmpty && withheld.isEmpty {
      chosen = choose(logits, position: position)
    } else {
      var weighed = Array(logits)
      for (token, count) in generated where weighed.indices.contains(Int(token)) {
        weighed[Int(token)] -= presencePenalty + frequencyPenalty * Float(count)
      }
      for token in withheld where weighed.indices.contains(Int(token)) {
        weighed[Int(token)] = -.infinity
      }
      chosen = choose(weighed[...], position: position)
    }
    let token = Int32(chosen)
    guard let likeliest else {
      return SampledToken(token: token, logProbability: nil, likeliest: [])
    }
    let base = logits.startIndex
    let normalizer = logSumExp(logits, largest: logits[indexOfLargest(logits)])
    return SampledToken(
      token: token, logProbability: logits[base + chosen] - normalizer,
      likeliest: largest(likeliest, of: logits).map {
        TokenProbability(token: Int32($0), logProbability: logits[base + $0] - normalizer)
      })
  }

  private func choose(_ logits: ArraySlice<Float>, position: Int) -> Int {
    let best = indexOfLargest(logits)
    guard temperature > 0 else { return best - logits.startIndex }
    return draw(logits, largest: logits[best], position: position)
  }

  private func indexOfLargest(_ logits: ArraySlice<Float>) -> Int {
    logits.withUnsafeBufferPointer { numbers in
      var best = 0
      for index in numbers.indices where numbers[index] > numbers[best] { best = index }
      return best + logits.startIndex
    }
  }

  /// The `count` largest logits' offsets, largest first, of equal ones the lowest first.
  private func largest(_ count: Int, of logits: ArraySlice<Float>) -> [Int] {
    guard count > 0 else { return [] }
    var found: [(logit: Float, offset: Int)] = []
    for (offset, logit) in logits.enumerated() {
      guard found.count < count || logit > found[found.count - 1].logit else { continue }
      let place = found.firstIndex { logit > $0.logit } ?? found.count
      if found.count == count { found.removeLast() }
      found.insert((logit, offset), at: place)
    }
    return found.map(\.offset)
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
