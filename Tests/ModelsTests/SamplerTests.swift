/// The sampler: greedy choice, truncation, and randomness that depends on (seed, position) alone.

import Foundation
import Testing

@testable import Models

@Suite("sampler")
struct SamplerTests {
  @Test("Philox gives the words that its authors published")
  func knownAnswers() {
    // kat_vectors of Random123, philox4x32 with 10 rounds.
    let zero = Philox(seed: 0).block((0, 0, 0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox(seed: .max).block((.max, .max, .max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox(seed: 0x299f_31d0_a409_3822).block(
      (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test("greedy takes the likeliest token, and of equal ones the first")
  func greedy() {
    let sampled = SamplingParameters().sample([1, 3, 3, 2], position: 5, likeliest: 2)
    #expect(sampled.token == 1 && sampled.likeliest.map(\.token) == [1, 2])
    let probability = exp(3.0) / (exp(1.0) + 2 * exp(3.0) + exp(2.0))
    let found = sampled.logProbability.map(Double.init) ?? 0
    #expect(abs(found - log(probability)) < 1e-6)
    #expect(sampled.likeliest.first?.logProbability == sampled.logProbability)
  }

  @Test("draws follow the probabilities and repeat for the same seed and position")
  func distribution() {
    let logits: [Float] = [0, 1, 2, -1]
    let parameters = SamplingParameters(temperature: 0.7, seed: 42)
    var counts = [0, 0, 0, 0]
    for position in 0..<20_000 {
      let token = parameters.sample(logits[...], position: position).token
      #expect(token == parameters.sample(logits[...], position: position).token)
      counts[Int(token)] += 1
    }
    let weights = logits.map { exp(Double($0) / 0.7) }
    for (count, weight) in zip(counts, weights) {
      #expect(abs(Double(count) / 20_000 - weight / weights.reduce(0, +)) < 0.015)
    }
  }

  @Test("top-k and top-p leave only the likeliest tokens")
  func truncation() {
    let logits: [Float] = [0, 3, 2, 2.5, -4]
    let cases: [(SamplingParameters, Set<Int32>)] = [
      (SamplingParameters(temperature: 2, topK: 2, seed: 1), [1, 3]),
      (SamplingParameters(temperature: 1, topP: 0.4, seed: 1), [1]),
      (SamplingParameters(temperature: 1, topP: 0.6, seed: 1), [1, 3]),
      (SamplingParameters(temperature: 5, topP: 0.999, topK: 3, seed: 1), [1, 2, 3]),
    ]
    for (parameters, allowed) in cases {
      let drawn = Set((0..<500).map { parameters.sample(logits[...], position: $0).token })
      #expect(drawn == allowed)
    }
  }

  @Test("penalties fall on the answer's tokens as OpenAI has them, and withheld tokens never come")
  func penalties() {
    let logits: [Float] = [1, 3, 2.5, 0]
    let parameters = SamplingParameters(presencePenalty: 0.25, frequencyPenalty: 0.5)
    let weighed = { (generated: [(token: Int32, count: Int)], withheld: [Int32]) in
      parameters.sample(
        logits[...], position: 0, generated: generated, withheld: withheld, likeliest: 1)
    }
    #expect(weighed([], []).token == 1)
    // 3 - 0.25 - 0.5 < 2.5; a token that the model does not have counts for nothing.
    #expect(weighed([(1, 1), (9, 1)], []).token == 2)
    #expect(weighed([(1, 1), (2, 2)], []).token == 1)
    #expect(weighed([], [1, 2]).token == 0)
    // Log-probabilities are those of the logits as they came.
    let free = weighed([], [])
    let held = weighed([(1, 9)], [2])
    #expect(held.token == 0 && held.likeliest == free.likeliest)
    #expect(SamplingParameters().sample(logits[...], position: 0).logProbability == nil)
    let drawn = SamplingParameters(temperature: 5, seed: 3)
    for position in 0..<200 {
      #expect(drawn.sample(logits[...], position: position, withheld: [1]).token != 1)
    }
  }
}
