/// A decoder in a GGUF file, seen as a Hugging Face checkpoint.

import Compute

/// What `config.json` would say of a GGUF file's decoder, and its tensors by canonical name.
struct GGUFDecoder: Sendable {
  let file: GGUFFile
  /// The fields of `text_config`.
  let textFields: [String: JSONValue]
  let tensors: [String: TensorLocation]
  /// Types of the tensors that are not read, by canonical name.
  let unread: [String: String]

  /// Throws `.unsupported` for other architectures than llama, `.configuration` naming the key.
  init(_ file: GGUFFile) throws(CheckpointError) {
    let metadata = file.metadata
    let architecture = try metadata.string("general.architecture") ?? ""
    guard architecture == "llama" else {
      throw CheckpointError(
        .unsupported, "\(metadata.path): the architecture is \"\(architecture)\"",
        remedy: architecture == "clip"
          ? "It is a vision encoder: name it with --mmproj, and its decoder with --model"
          : "Decoders of the architecture llama (Llama, Vicuna) are served")
    }
    guard try metadata.integer("llama.expert_count", default: 0, in: 0...(1 << 16)) == 0 else {
      throw CheckpointError(.unsupported, "\(metadata.path): the decoder is a mixture of experts")
    }
    self.file = file
    let heads = try metadata.integer("llama.attention.head_count", in: 1...(1 << 16))
    let kvHeads = try Self.kvHeads(metadata, heads: heads)
    let hidden = try metadata.integer("llama.embedding_length", in: 1...(1 << 24))
    let headWidth = try Self.headWidth(metadata, heads: heads, hidden: hidden)
    textFields = try Self.fields(
      file, hidden: hidden, heads: heads, kvHeads: kvHeads, headWidth: headWidth)
    var tensors: [String: TensorLocation] = [:]
    for (name, location) in file.tensors {
      let canonical = GGUFTensorNames.decoder(name) ?? name
      let isInterleaved =
        canonical.contains(".self_attn.q_proj.") || canonical.contains(".self_attn.k_proj.")
      guard isInterleaved else {
        tensors[canonical] = location
        continue
      }
      guard let rows = location.shape.first, rows % headWidth == 0 else {
        throw CheckpointError(
          .wrongShape,
          "\(metadata.path): \(name) has the shape \(location.shape); heads are \(headWidth) wide")
      }
      tensors[canonical] = location.ordered(.interleavedHalves(headRows: headWidth))
    }
    self.tensors = tensors
    unread = [String: String](
      file.unread.map { (GGUFTensorNames.decoder($0.key) ?? $0.key, $0.value) }
    ) { first, _ in first }
  }

  private static func kvHeads(
    _ metadata: GGUFMetadata, heads: Int
  ) throws(CheckpointError) -> Int {
    let key = "llama.attention.head_count_kv"
    guard case .array? = metadata.values[key] else {
      return try metadata.integer(key, default: heads, in: 1...(1 << 16))
    }
    let counts = try metadata.integers(key) ?? []
    guard let first = counts.first, first > 0, counts.allSatisfy({ $0 == first }) else {
      throw metadata.wrong(key, "the same for all layers")
    }
    return first
  }

  private static func headWidth(
    _ metadata: GGUFMetadata, heads: Int, hidden: Int
  ) throws(CheckpointError) -> Int {
    let widths = 1...(1 << 16)
    let width = try metadata.integer(
      "llama.attention.key_length", default: max(1, hidden / heads), in: widths)
    for key in ["llama.attention.value_length", "llama.rope.dimension_count"] {
      guard try metadata.integer(key, default: width, in: widths) == width else {
        throw metadata.wrong(key, "\(width), as wide as a head")
      }
    }
    guard width % 2 == 0 else { throw metadata.wrong("llama.attention.key_length", "even") }
    return width
  }

  private static func fields(
    _ file: GGUFFile, hidden: Int, heads: Int, kvHeads: Int, headWidth: Int
  ) throws(CheckpointError) -> [String: JSONValue] {
    let metadata = file.metadata
    func whole(_ value: Int) -> JSONValue { .number(Double(value)) }
    guard let embedding = file.tensors["token_embd.weight"], embedding.shape.count == 2 else {
      throw CheckpointError(
        .missingTensor, "\(metadata.path) has no matrix token_embd.weight",
        remedy: "The file holds no decoder, or not all of it")
    }
    let epsilon = try metadata.number("llama.attention.layer_norm_rms_epsilon")
    guard epsilon > 0 else {
      throw metadata.wrong("llama.attention.layer_norm_rms_epsilon", "positive")
    }
    var fields: [String: JSONValue] = [
      "model_type": .string("llama"),
      "hidden_size": whole(hidden),
      "intermediate_size": whole(
        try metadata.integer("llama.feed_forward_length", in: 1...(1 << 24))),
      "num_hidden_layers": whole(try metadata.integer("llama.block_count", in: 1...4096)),
      "num_attention_heads": whole(heads),
      "num_key_value_heads": whole(kvHeads),
      "head_dim": whole(headWidth),
      "vocab_size": whole(embedding.shape[0]),
      "max_position_embeddings": whole(try metadata.integer("llama.context_length")),
      "rms_norm_eps": .number(epsilon),
      "attention_bias": .bool(file.tensors["blk.0.attn_q.bias"] != nil),
      "mlp_bias": .bool(file.tensors["blk.0.ffn_gate.bias"] != nil),
      "tie_word_embeddings": .bool(
        file.tensors["output.weight"] == nil && file.unread["output.weight"] == nil),
      "rope_parameters": .object(try rope(file, headWidth: headWidth)),
    ]
    let ids = 0...max(0, embedding.shape[0] - 1)
    if metadata.has("tokenizer.ggml.bos_token_id") {
      fields["bos_token_id"] = whole(try metadata.integer("tokenizer.ggml.bos_token_id", in: ids))
    }
    var ends: [Int] = []
    for name in ["eos", "eot", "eom"] where metadata.has("tokenizer.ggml.\(name)_token_id") {
      let id = try metadata.integer("tokenizer.ggml.\(name)_token_id", in: ids)
      if !ends.contains(id) { ends.append(id) }
    }
    if !ends.isEmpty { fields["eos_token_id"] = .array(ends.map(whole)) }
    return fields
  }

  /// `rope_parameters`: the frequencies' base, and how they are stretched.
  private static func rope(
    _ file: GGUFFile, headWidth: Int
  ) throws(CheckpointError) -> [String: JSONValue] {
    let metadata = file.metadata
    var fields: [String: JSONValue] = [
      "rope_theta": .number(try metadata.number("llama.rope.freq_base", default: 10000))
    ]
    let factor = try scalingFactor(metadata)
    guard let location = file.tensors["rope_freqs.weight"] else {
      fields["rope_type"] = .string(factor == 1 ? "default" : "linear")
      if factor != 1 { fields["factor"] = .number(factor) }
      return fields
    }
    guard location.shape == [headWidth / 2] else {
      throw CheckpointError(
        .wrongShape,
        "\(metadata.path): rope_freqs.weight has the shape \(location.shape); a head has "
          + "\(headWidth / 2) frequencies")
    }
    let divisors = try location.load(as: .f32, on: .single).widened()
    guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw CheckpointError(
        .malformed, "\(metadata.path): rope_freqs.weight holds numbers that are not positive")
    }
    fields["rope_type"] = .string("divided")
    fields["divisors"] = .array(divisors.map { .number(Double($0) * factor) })
    return fields
  }

  /// What all frequencies are divided by.
  private static func scalingFactor(_ metadata: GGUFMetadata) throws(CheckpointError) -> Double {
    let key = "llama.rope.scaling.factor"
    switch try metadata.string("llama.rope.scaling.type") ?? "linear" {
    case "none": return 1
    case "linear": break
    default:
      throw CheckpointError(
        .unsupported,
        "\(metadata.wrong("llama.rope.scaling.type", "\"none\" or \"linear\"").message)")
    }
    // Files of before `scaling.type` have `scale_linear`.
    let older = try metadata.number("llama.rope.scale_linear", default: 1)
    let factor = try metadata.number(key, default: older)
    guard factor >= 0 else { throw metadata.wrong(key, "positive") }
    return factor == 0 ? 1 : factor
  }
}
