/// How an answer's tokens are chosen: the fields that chat and text completions share.

package import Wire

/// OpenAI's sampling fields, with vLLM's `top_k`, `min_tokens` and `ignore_eos`. Defaults are
/// OpenAI's.
package struct SamplingFields: Decodable, Sendable, Equatable {
  package var temperature = 1.0
  package var topP = 1.0
  package var topK = 0
  package var seed: Int64?
  package var presencePenalty = 0.0
  package var frequencyPenalty = 0.0
  package var minTokens = 0
  package var ignoreEnd = false

  package init() {}

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    temperature = try fields.optional(.temperature, in: 0...2) ?? 1
    topP = try fields.optional(.topP, in: 0...1) ?? 1
    guard topP > 0 else {
      throw fields.path(.topP).error("is 0, it must be more", code: "out_of_range")
    }
    // vLLM's clients say -1 for all.
    topK = max(0, try fields.optional(.topK, in: -1...Int(Int32.max)) ?? 0)
    seed = try fields.optional(.seed)
    presencePenalty = try fields.optional(.presencePenalty, in: -2...2) ?? 0
    frequencyPenalty = try fields.optional(.frequencyPenalty, in: -2...2) ?? 0
    minTokens = try fields.optional(.minTokens, in: 0...RequestLimits.newTokens) ?? 0
    ignoreEnd = try fields.optional(.ignoreEnd) ?? false
  }

  enum CodingKeys: String, CodingKey {
    case temperature, seed
    case topP = "top_p"
    case topK = "top_k"
    case presencePenalty = "presence_penalty"
    case frequencyPenalty = "frequency_penalty"
    case minTokens = "min_tokens"
    case ignoreEnd = "ignore_eos"
  }

  /// The sampling of one choice; each of several has random numbers of its own.
  /// - Parameter seed: the request's, or one that was drawn for it.
  package func wire(choice: Int, seed: UInt64) -> WireSampling {
    WireSampling(
      temperature: Float(temperature), topP: Float(topP), topK: topK,
      seed: seed &+ UInt64(choice) &* 0x9E37_79B9_7F4A_7C15,
      presencePenalty: Float(presencePenalty), frequencyPenalty: Float(frequencyPenalty))
  }

  /// The request's seed, else a new one.
  package func drawnSeed() -> UInt64 {
    seed.map { UInt64(bitPattern: $0) } ?? UInt64.random(in: .min ... .max)
  }
}
