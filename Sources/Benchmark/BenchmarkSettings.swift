/// What is measured, and how often.

/// Settings of a benchmark.
public struct BenchmarkSettings: Sendable, Equatable {
  /// Tokens of the prompt whose prefill is measured; 0 measures none.
  public var prompt = 512
  /// Tokens that each sequence decodes; 0 measures none.
  public var generate = 64
  /// How many sequences decode at once, one measurement each.
  public var batches = [1, 8, 16]
  /// Whether the vision encoder is measured too.
  public var vision = false
  /// How often each work is timed, after a shorter run that is not.
  public var repetitions = 3

  public init() {}

  /// Throws `.configuration`.
  public func check() throws(BenchmarkError) {
    guard (0...Self.tokensMax).contains(prompt), (0...Self.tokensMax).contains(generate) else {
      throw BenchmarkError(
        .configuration, "a prompt or an answer has 0 to \(Self.tokensMax) tokens")
    }
    guard !batches.isEmpty, batches.allSatisfy((1...Self.batchMax).contains) else {
      throw BenchmarkError(.configuration, "a batch has 1 to \(Self.batchMax) sequences")
    }
    guard (1...Self.repetitionsMax).contains(repetitions) else {
      throw BenchmarkError(
        .configuration, "work is repeated 1 to \(Self.repetitionsMax) times")
    }
    guard prompt > 0 || generate > 0 || vision else {
      throw BenchmarkError(
        .configuration, "there is nothing to measure",
        remedy: "Ask for a prompt, for generated tokens or for the vision encoder")
    }
  }

  public static let tokensMax = 1 << 17
  public static let batchMax = 1024
  public static let repetitionsMax = 1000

  /// Whether the decoder is measured.
  var decodes: Bool { prompt > 0 || generate > 0 }

  /// Sequences and positions of each that the KV cache must hold.
  var cacheShapes: [(sequences: Int, positions: Int)] {
    [(1, prompt)] + batches.map { ($0, generate) }
  }

  /// Most rows that are computed at once.
  var rowsMax: Int { max(prompt, generate > 0 ? batches.max() ?? 1 : 0) }
}
