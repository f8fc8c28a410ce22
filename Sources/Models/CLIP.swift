/// The CLIP vision transformer (arXiv 2103.00020).
///
/// Matches `CLIPVisionModel` of Hugging Face transformers in f32.

public import Checkpoints
public import Compute

/// Turns an image's pixels into image features.
///
///     pixels ─▶ patches ─▶ class token + positions ─▶ pre_layrnorm ─▶ layer 0 ─▶ layer 1 ─▶ …
///                                                     hidden state 0 ┘      1 ┘
public struct CLIPVisionEncoder: Sendable {
  public let configuration: ModelConfiguration
  private let vision: VisionConfiguration
  private let patchEmbedding: StoredTensor  // [hidden, 3 * patch * patch]
  private let classEmbedding: [Float]  // [hidden]
  private let positions: Matrix  // [patches + 1, hidden]
  private let preNorm: LayerNorm
  private let layers: [CLIPLayer]

  /// Maps the layers up to the last one that features are taken from.
  ///
  /// `weights` is the vision tower's scope. Keys: `embeddings`, `pre_layrnorm` (spelled so),
  /// `encoder.layers.N`.
  public init(
    loading weights: WeightScope, configuration: ModelConfiguration
  ) throws(CheckpointError) {
    self.configuration = configuration
    vision = configuration.vision
    let embeddings = weights.scope("embeddings")
    let side = vision.patchSide
    patchEmbedding = try embeddings.tensor(
      "patch_embedding.weight", shape: [vision.hidden, 3, side, side])
    classEmbedding = try embeddings.vector("class_embedding", count: vision.hidden)
    let table = try embeddings.tensor(
      "position_embedding.weight", shape: [vision.patches + 1, vision.hidden])
    positions = Matrix(
      rows: vision.patches + 1, columns: vision.hidden, values: table.widened())
    preNorm = try LayerNorm(
      loading: weights.scope("pre_layrnorm"), width: vision.hidden, epsilon: vision.normEpsilon)
    var layers: [CLIPLayer] = []
    for index in 0..<(configuration.featureLayers.max() ?? 0) {
      layers.append(
        try CLIPLayer(loading: weights.scope("encoder.layers.\(index)"), configuration: vision))
    }
    self.layers = layers
  }

  /// Image features, `[featureRows, featureWidth]`, of pixel values `[3, side, side]`.
  public func encode(_ pixels: [Float], on team: ThreadTeam = .single) -> Matrix {
    var states: [Int: Matrix] = [:]
    run(pixels, on: team) { layer, state in
      if configuration.featureLayers.contains(layer) { states[layer] = state }
    }
    let firstRow = configuration.keepsClassToken ? 0 : 1
    let rows = firstRow..<vision.patches + 1
    if configuration.featureLayers.count == 1 {
      return states[configuration.featureLayers[0], default: Matrix()].rows(rows)
    }
    var values: [Float] = []
    values.reserveCapacity(rows.count * configuration.featureWidth)
    for row in rows {
      for layer in configuration.featureLayers {
        values += states[layer, default: Matrix()][row: row]
      }
    }
    return Matrix(rows: rows.count, columns: configuration.featureWidth, values: values)
  }

  /// The embeddings after `pre_layrnorm` and the result of every layer that is held, each
  /// `[patches + 1, hidden]`.
  public func hiddenStates(_ pixels: [Float], on team: ThreadTeam = .single) -> [Matrix] {
    var states: [Matrix] = []
    run(pixels, on: team) { _, state in states.append(state) }
    return states
  }

  /// Calls `use` with the number of each hidden state and the state.
  private func run(_ pixels: [Float], on team: ThreadTeam, use: (Int, Matrix) -> Void) {
    var hidden = embed(pixels, on: team)
    var scratch = CLIPScratch()
    use(0, hidden)
    for (index, layer) in layers.enumerated() {
      layer(&hidden, scratch: &scratch, on: team)
      use(index + 1, hidden)
    }
  }

  private func embed(_ pixels: [Float], on team: ThreadTeam) -> Matrix {
    var patches = Matrix()
    patchEmbedding.reshaped([vision.hidden, vision.patchElements])
      .multiplyForImage(unfold(pixels), into: &patches, on: team)
    var sum = positions
    var embedded = Matrix(rows: vision.patches + 1, columns: vision.hidden)
    embedded[row: 0] = classEmbedding[...]
    for patch in 0..<vision.patches { embedded.copyRow(patch, of: patches, to: patch + 1) }
    sum.add(embedded, on: team)
    preNorm(sum, into: &embedded, on: team)
    return embedded
  }

  /// Every patch as a row, `[patches, 3 * patch * patch]`, patches row by row. Pixels beyond the
  /// last whole patch are left out, as a convolution with that stride does.
  private func unfold(_ pixels: [Float]) -> Matrix {
    let (image, patch, grid) = (vision.imageSide, vision.patchSide, vision.gridSide)
    precondition(pixels.count == 3 * image * image)
    var values: [Float] = []
    values.reserveCapacity(vision.patches * vision.patchElements)
    for index in 0..<vision.patches {
      let (top, left) = (index / grid * patch, index % grid * patch)
      for channel in 0..<3 {
        for row in 0..<patch {
          let start = (channel * image + top + row) * image + left
          values += pixels[start..<start + patch]
        }
      }
    }
    return Matrix(rows: vision.patches, columns: vision.patchElements, values: values)
  }
}

struct CLIPScratch {
  var normalized = Matrix()
  /// Rows in 8 bits, for layers whose weights are quantised.
  var rounded = QuantizedRows()
  var queries = Matrix()
  var keys = Matrix()
  var values = Matrix()
  var scores = Matrix()
  var attended = Matrix()
  var inner = Matrix()
  var output = Matrix()
}

/// One encoder layer. The residual stream runs down the left:
///
///     x ──────────┐
///     │           ▼
///     │     layer_norm1 ─▶ self_attn
///     + ◀────────────────────┘
///     │───────────┐
///     │           ▼
///     │     layer_norm2 ─▶ mlp
///     + ◀───────────────────┘
///     ▼
struct CLIPLayer: Sendable {
  let norm1: LayerNorm
  let attention: CLIPAttention
  let norm2: LayerNorm
  let mlp: CLIPMLP

  init(
    loading weights: WeightScope, configuration: VisionConfiguration
  ) throws(CheckpointError) {
    let (width, epsilon) = (configuration.hidden, configuration.normEpsilon)
    norm1 = try LayerNorm(
      loading: weights.scope("layer_norm1"), width: width, epsilon: epsilon)
    attention = try CLIPAttention(
      loading: weights.scope("self_attn"), configuration: configuration)
    norm2 = try LayerNorm(
      loading: weights.scope("layer_norm2"), width: width, epsilon: epsilon)
    mlp = try CLIPMLP(loading: weights.scope("mlp"), configuration: configuration)
  }

  func callAsFunction(
    _ hidden: inout Matrix, scratch: inout CLIPScratch, on team: ThreadTeam
  ) {
    norm1(hidden, into: &scratch.normalized, on: team)
    attention(scratch: &scratch, on: team)
    hidden.add(scratch.output, on: team)
    norm2(hidden, into: &scratch.normalized, on: team)
    mlp(scratch: &scratch, on: team)
    hidden.add(scratch.output, on: team)
  }

  var byteCount: Int {
    let linears = [
      attention.query, attention.key, attention.value, attention.output, mlp.first, mlp.second,
    ]
    return linears.reduce(0) { $0 + $1.byteCount }
  }
}

/// Self-attention of every patch to every patch.
struct CLIPAttention: Sendable {
  let query: Linear  // all [hidden, hidden] with bias
  let key: Linear
  let value: Linear
  let output: Linear
  let heads: Int

  init(
    loading weights: WeightScope, configuration: VisionConfiguration
  ) throws(CheckpointError) {
    func linear(_ name: String) throws(CheckpointError) -> Linear {
      try Linear(
        loading: weights.scope(name), inputs: configuration.hidden, outputs: configuration.hidden,
        biased: true)
    }
    query = try linear("q_proj")
    key = try linear("k_proj")
    value = try linear("v_proj")
    output = try linear("out_proj")
    heads = configuration.heads
  }

  /// From `scratch.normalized` to `scratch.output`, both `[tokens, hidden]`.
  func callAsFunction(scratch: inout CLIPScratch, on team: ThreadTeam) {
    if query.isQuantized || key.isQuantized || value.isQuantized {
      scratch.rounded.quantize(scratch.normalized, on: team)
    }
    let rounded = scratch.rounded
    query.forImage(scratch.normalized, rounded: rounded, into: &scratch.queries, on: team)
    key.forImage(scratch.normalized, rounded: rounded, into: &scratch.keys, on: team)
    value.forImage(scratch.normalized, rounded: rounded, into: &scratch.values, on: team)
    scratch.queries.attendingFully(
      keys: scratch.keys, values: scratch.values, heads: heads, scores: &scratch.scores,
      into: &scratch.attended, on: team)
    output.forImage(
      scratch.attended, rounded: &scratch.rounded, into: &scratch.output, on: team)
  }
}

/// Two linear layers with an activation between.
struct CLIPMLP: Sendable {
  let first: Linear  // [intermediate, hidden]
  let second: Linear  // [hidden, intermediate]
  let activation: Activation

  init(
    loading weights: WeightScope, configuration: VisionConfiguration
  ) throws(CheckpointError) {
    first = try Linear(
      loading: weights.scope("fc1"), inputs: configuration.hidden,
      outputs: configuration.intermediate, biased: true)
    second = try Linear(
      loading: weights.scope("fc2"), inputs: configuration.intermediate,
      outputs: configuration.hidden, biased: true)
    activation = configuration.activation
  }

  /// From `scratch.normalized` to `scratch.output`, both `[tokens, hidden]`.
  func callAsFunction(scratch: inout CLIPScratch, on team: ThreadTeam) {
    first.forImage(
      scratch.normalized, rounded: &scratch.rounded, into: &scratch.inner, on: team)
    scratch.inner.apply(activation, on: team)
    second.forImage(scratch.inner, rounded: &scratch.rounded, into: &scratch.output, on: team)
  }
}

extension Matrix {
  mutating func apply(_ activation: Activation, on team: ThreadTeam) {
    switch activation {
    case .quickGELU: quickGELU(on: team)
    case .gelu: gelu(on: team)
    case .identity: break
    }
  }
}

extension CLIPVisionEncoder {
  /// Bytes of the matrices that encoding an image reads.
  public var weightBytes: Int {
    patchEmbedding.byteCount + layers.reduce(0) { $0 + $1.byteCount }
  }

  /// How its matrices are stored.
  public var weightFormat: WeightFormat {
    layers.first?.mlp.first.weight.format ?? patchEmbedding.format
  }

  /// How many layers it computes: up to the last one that features are taken from.
  public var layerCount: Int { layers.count }

  /// Edge of the square that it takes, in pixels.
  public var imageSide: Int { configuration.vision.imageSide }
}
