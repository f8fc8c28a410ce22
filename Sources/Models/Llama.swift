/// The Llama decoder (arXiv 2302.13971), or the part of it that one stage holds.
///
/// Matches `LlamaForCausalLM` of Hugging Face transformers in f32.

public import Checkpoints
public import Compute

/// A contiguous range of decoder layers; the first stage also holds the embedding, the last one the
/// final norm and the head.
///
///     token ids ─▶ embedding ─▶ layer 0 ─▶ … ─▶ layer n-1 ─▶ norm ─▶ head ─▶ logits
///                  (first stage)                             (last stage)
public struct LlamaStage: Sendable {
  public let configuration: TextConfiguration
  public let layerRange: Range<Int>
  let embedding: StoredTensor?  // [vocabulary, hidden]
  let layers: [LlamaLayer]
  let finalNorm: [Float]?  // [hidden]
  let head: StoredTensor?  // [vocabulary, hidden]
  private let rotary: RotaryEmbedding

  /// Maps the tensors of `layerRange` and of the ends that it includes, and no others; those that `held`
  /// has, which holds the same weights in the same formats, are taken from there.
  ///
  /// `weights` is the decoder's scope. Keys: `embed_tokens`, `layers.N`, `norm`, `lm_head`.
  public init(
    loading weights: WeightScope, configuration: TextConfiguration, layerRange: Range<Int>,
    reusing held: LlamaStage? = nil
  ) throws(CheckpointError) {
    precondition(layerRange.lowerBound >= 0 && layerRange.upperBound <= configuration.layers)
    self.configuration = configuration
    self.layerRange = layerRange
    let (isFirst, isLast) = (
      layerRange.lowerBound == 0, layerRange.upperBound == configuration.layers
    )
    let tableShape = [configuration.vocabulary, configuration.hidden]
    if isFirst, let table = held?.embedding {
      embedding = table
    } else {
      embedding = isFirst ? try weights.tensor("embed_tokens.weight", shape: tableShape) : nil
    }
    var layers: [LlamaLayer] = []
    for index in layerRange {
      if let layer = held?.layer(index) {
        layers.append(layer)
      } else {
        let scope = weights.scope("layers.\(index)")
        layers.append(try LlamaLayer(loading: scope, configuration: configuration))
      }
    }
    self.layers = layers
    if isLast, let held, held.isLast {
      (finalNorm, head) = (held.finalNorm, held.head)
    } else if isLast {
      finalNorm = try weights.vector("norm.weight", count: configuration.hidden)
      if configuration.tiedHead, let embedding {
        head = embedding
      } else {
        let name = configuration.tiedHead ? "embed_tokens.weight" : "lm_head.weight"
        head = try weights.tensor(name, shape: tableShape)
      }
    } else {
      (finalNorm, head) = (nil, nil)
    }
    rotary = RotaryEmbedding(frequencies: configuration.rotaryFrequencies)
  }

  /// What a stage has of another's layers, and nothing that only others need; nil if that is none.
  public init?(partOf whole: LlamaStage, layers range: Range<Int>) {
    let shared = range.clamped(to: whole.layerRange)
    guard !shared.isEmpty else { return nil }
    configuration = whole.configuration
    layerRange = shared
    layers = shared.compactMap { whole.layer($0) }
    embedding = range.lowerBound == 0 ? whole.embedding : nil
    let isLast = range.upperBound == configuration.layers
    (finalNorm, head) = isLast ? (whole.finalNorm, whole.head) : (nil, nil)
    rotary = whole.rotary
  }

  private func layer(_ index: Int) -> LlamaLayer? {
    layerRange.contains(index) ? layers[index - layerRange.lowerBound] : nil
  }

  /// Whether token ids go in.
  public var isFirst: Bool { embedding != nil }
  /// Whether logits come out.
  public var isLast: Bool { head != nil }

  /// Bytes of the weights that it maps.
  public var weightBytes: Int {
    (embedding?.byteCount ?? 0) + layers.reduce(0) { $0 + $1.byteCount }
      + (configuration.tiedHead && isFirst ? 0 : head?.byteCount ?? 0)
  }

  /// The matrices that every step reads, in its order: those of the layers, and the head.
  public var stepMatrices: [StoredTensor] {
    layers.flatMap { $0.attention.matrices + $0.mlp.matrices } + (head.map { [$0] } ?? [])
  }

  /// Their bytes.
  public var stepWeightBytes: Int { stepMatrices.reduce(0) { $0 + $1.byteCount } }

  /// How its layers' matrices are stored; nil without layers.
  public var weightFormat: WeightFormat? { layers.first?.mlp.gate.weight.format }

  /// Looks the embeddings of `tokens` up, `[tokens, hidden]`. Only on the first stage.
  public func embed(_ tokens: [Int32], into hidden: inout Matrix) {
    guard let embedding else { preconditionFailure("only the first stage embeds") }
    hidden.reshape(rows: tokens.count, columns: configuration.hidden)
    for (row, token) in tokens.enumerated() { embedding.copyRow(Int(token), to: row, of: &hidden) }
  }

  /// Runs the stage's layers over a step's tokens, in place. hidden `[tokens, hidden]`; `runs`
  /// cover its rows.
  public func forward(
    _ hidden: inout Matrix, runs: [TokenRun], cache: KVMemory, scratch: inout LlamaScratch,
    on team: ThreadTeam = .single
  ) {
    scratch.positions.removeAll(keepingCapacity: true)
    for run in runs {
      scratch.positions.append(contentsOf: run.firstPosition..<run.firstPosition + run.count)
    }
    precondition(scratch.positions.count == hidden.rows)
    scratch.rotary.cover((scratch.positions.max() ?? 0) + 1, of: rotary)
    for (index, layer) in layers.enumerated() {
      layer(
        &hidden, runs: runs, cache: cache, cacheLayer: index, scratch: &scratch, on: team)
    }
  }

  /// Logits of some rows, `[rows.count, vocabulary]`. Only on the last stage.
  public func logits(
    of hidden: Matrix, rows: [Int], scratch: inout LlamaScratch, into logits: inout Matrix,
    on team: ThreadTeam = .single
  ) {
    guard let finalNorm, let head else { preconditionFailure("only the last stage has the head") }
    scratch.selected.reshape(rows: rows.count, columns: configuration.hidden)
    for (target, row) in rows.enumerated() {
      scratch.selected.copyRow(row, of: hidden, to: target)
    }
    scratch.selected.rmsNormalized(
      finalNorm, epsilon: configuration.normEpsilon, into: &scratch.normalized, on: team)
    guard head.format.isQuantized else {
      head.multiply(scratch.normalized, into: &logits, on: team)
      return
    }
    scratch.rounded.quantize(scratch.normalized, on: team)
    head.multiply(scratch.rounded, into: &logits, on: team)
  }

  /// A KV cache for this stage's layers. Throws `.outOfMemory`.
  public func makeCache(
    blocks: Int, blockTokens: Int, format: WeightFormat = .f16
  ) throws(ComputeError) -> KVMemory {
    try configuration.makeCache(
      ofLayers: layerRange, blocks: blocks, blockTokens: blockTokens, format: format)
  }
}

extension TextConfiguration {
  /// A KV cache for some of the decoder's layers; those that `held` names are another cache's too.
  /// Throws `.outOfMemory`.
  public func makeCache(
    ofLayers layers: Range<Int>, blocks: Int, blockTokens: Int, format: WeightFormat = .f16,
    sharing held: [Int: KVLayer] = [:]
  ) throws(ComputeError) -> KVMemory {
    try KVMemory(
      layers: layers.map { held[$0] }, blocks: blocks, blockTokens: blockTokens,
      kvHeads: kvHeads, headWidth: headWidth, format: format)
  }
}

/// Matrices that layers use one after the other, kept so that a step allocates nothing anew.
public struct LlamaScratch: Sendable {
  var positions: [Int] = []
  var rotary = RotaryTable()
  var selected = Matrix()
  var normalized = Matrix()
  /// Rows in 8 bits, for layers whose weights are quantised.
  var rounded = QuantizedRows()
  var queries = Matrix()
  var keys = Matrix()
  var values = Matrix()
  var scores = Matrix()
  var attended = Matrix()
  var gate = Matrix()
  var up = Matrix()
  var output = Matrix()

  public init() {}

  /// Rounds `input`, `[tokens, width]`, to 8 bits once for all layers that take it, if they need it.
  mutating func round(_ input: Matrix, ifNeeded: Bool, on team: ThreadTeam) {
    if ifNeeded { rounded.quantize(input, on: team) }
  }
}

/// One decoder layer. The residual stream runs down the left:
///
///     x ──────────────┐
///     │               ▼
///     │     input_layernorm ─▶ self_attn
///     + ◀─────────────────────────┘
///     │───────────────┐
///     │               ▼
///     │     post_attention_layernorm ─▶ mlp
///     + ◀───────────────────────────────┘
///     ▼
struct LlamaLayer: Sendable {
  let inputNorm: [Float]  // [hidden]
  let attention: LlamaAttention
  let postAttentionNorm: [Float]  // [hidden]
  let mlp: LlamaMLP
  let epsilon: Float

  init(
    loading weights: WeightScope, configuration: TextConfiguration
  ) throws(CheckpointError) {
    inputNorm = try weights.vector("input_layernorm.weight", count: configuration.hidden)
    attention = try LlamaAttention(
      loading: weights.scope("self_attn"), configuration: configuration)
    postAttentionNorm = try weights.vector(
      "post_attention_layernorm.weight", count: configuration.hidden)
    mlp = try LlamaMLP(loading: weights.scope("mlp"), configuration: configuration)
    epsilon = configuration.normEpsilon
  }

  func callAsFunction(
    _ hidden: inout Matrix, runs: [TokenRun], cache: KVMemory, cacheLayer: Int,
    scratch: inout LlamaScratch, on team: ThreadTeam
  ) {
    hidden.rmsNormalized(inputNorm, epsilon: epsilon, into: &scratch.normalized, on: team)
    attention(runs: runs, cache: cache, cacheLayer: cacheLayer, scratch: &scratch, on: team)
    hidden.add(scratch.output, on: team)
    hidden.rmsNormalized(postAttentionNorm, epsilon: epsilon, into: &scratch.normalized, on: team)
    mlp(scratch: &scratch, on: team)
    hidden.add(scratch.output, on: team)
  }

  var byteCount: Int {
    (attention.matrices + mlp.matrices).reduce(0) { $0 + $1.byteCount }
  }
}

/// Causal self-attention with grouped query heads and rotary positions.
struct LlamaAttention: Sendable {
  let query: Linear  // [heads * headWidth, hidden]
  let key: Linear  // [kvHeads * headWidth, hidden]
  let value: Linear  // [kvHeads * headWidth, hidden]
  let output: Linear  // [hidden, heads * headWidth]
  let heads: Int
  let kvHeads: Int

  init(
    loading weights: WeightScope, configuration: TextConfiguration
  ) throws(CheckpointError) {
    heads = configuration.heads
    kvHeads = configuration.kvHeads
    let (hidden, biased) = (configuration.hidden, configuration.attentionBias)
    let (width, kvWidth) = (heads * configuration.headWidth, kvHeads * configuration.headWidth)
    query = try Linear(
      loading: weights.scope("q_proj"), inputs: hidden, outputs: width, biased: biased)
    key = try Linear(
      loading: weights.scope("k_proj"), inputs: hidden, outputs: kvWidth, biased: biased)
    value = try Linear(
      loading: weights.scope("v_proj"), inputs: hidden, outputs: kvWidth, biased: biased)
    output = try Linear(
      loading: weights.scope("o_proj"), inputs: width, outputs: hidden, biased: biased)
  }

  /// From `scratch.normalized` to `scratch.output`, both `[tokens, hidden]`.
  func callAsFunction(
    runs: [TokenRun], cache: KVMemory, cacheLayer: Int, scratch: inout LlamaScratch,
    on team: ThreadTeam
  ) {
    let isQuantized = query.isQuantized || key.isQuantized || value.isQuantized
    scratch.round(scratch.normalized, ifNeeded: isQuantized, on: team)
    query(
      scratch.normalized, rounded: scratch.rounded, into: &scratch.queries, on: team)
    key(
      scratch.normalized, rounded: scratch.rounded, into: &scratch.keys, and: value,
      into: &scratch.values, on: team)
    let (rotary, positions) = (scratch.rotary, scratch.positions)
    rotary.rotate(&scratch.queries, at: positions, heads: heads, on: team)
    rotary.rotate(&scratch.keys, at: positions, heads: kvHeads, on: team)
    cache.append(
      layer: cacheLayer, runs: runs, keys: scratch.keys, values: scratch.values, on: team)
    cache.attend(
      layer: cacheLayer, runs: runs, queries: scratch.queries, queryHeads: heads,
      scores: &scratch.scores, into: &scratch.attended, on: team)
    scratch.round(scratch.attended, ifNeeded: output.isQuantized, on: team)
    output(scratch.attended, rounded: scratch.rounded, into: &scratch.output, on: team)
  }

  var matrices: [StoredTensor] { [query, key, value, output].map(\.weight) }
}

/// SwiGLU: `down(silu(gate x) * up x)`.
struct LlamaMLP: Sendable {
  let gate: Linear  // [intermediate, hidden]
  let up: Linear  // [intermediate, hidden]
  let down: Linear  // [hidden, intermediate]

  init(
    loading weights: WeightScope, configuration: TextConfiguration
  ) throws(CheckpointError) {
    let (hidden, intermediate) = (configuration.hidden, configuration.intermediate)
    let biased = configuration.mlpBias
    gate = try Linear(
      loading: weights.scope("gate_proj"), inputs: hidden, outputs: intermediate, biased: biased)
    up = try Linear(
      loading: weights.scope("up_proj"), inputs: hidden, outputs: intermediate, biased: biased)
    down = try Linear(
      loading: weights.scope("down_proj"), inputs: intermediate, outputs: hidden, biased: biased)
  }

  /// From `scratch.normalized` to `scratch.output`, both `[tokens, hidden]`.
  func callAsFunction(scratch: inout LlamaScratch, on team: ThreadTeam) {
    scratch.round(
      scratch.normalized, ifNeeded: gate.isQuantized || up.isQuantized, on: team)
    gate(
      scratch.normalized, rounded: scratch.rounded, into: &scratch.gate, and: up,
      into: &scratch.up, on: team)
    scratch.gate.siluMultiply(scratch.up, on: team)
    scratch.round(scratch.gate, ifNeeded: down.isQuantized, on: team)
    down(scratch.gate, rounded: scratch.rounded, into: &scratch.output, on: team)
  }

  var matrices: [StoredTensor] { [gate, up, down].map(\.weight) }
}
