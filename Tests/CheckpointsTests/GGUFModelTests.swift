/// Models in GGUF files: what their metadata mean, which files belong together, what is refused.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("GGUF models")
struct GGUFModelTests {
  private let scratch: ScratchCheckpoint

  init() throws { scratch = try ScratchCheckpoint() }

  /// A decoder of one layer without weights but the embedding.
  private static let decoder = WrittenGGUF(
    keys: [
      ("general.architecture", .string("llama")), ("llama.embedding_length", .uint32(8)),
      ("llama.block_count", .uint32(1)), ("llama.feed_forward_length", .uint32(12)),
      ("llama.attention.head_count", .uint32(2)), ("llama.context_length", .uint32(64)),
      ("llama.attention.layer_norm_rms_epsilon", .float32(1e-6)),
    ],
    entries: [
      WrittenEntry(name: "token_embd.weight", extents: [8, 10], offset: 0),
      WrittenEntry(name: "blk.0.attn_q.weight", extents: [8, 8], offset: 320),
    ],
    data: [UInt8](repeating: 0, count: 576))

  private static let encoder = WrittenGGUF(
    keys: [
      ("general.architecture", .string("clip")), ("clip.vision.embedding_length", .uint32(8)),
      ("clip.vision.block_count", .uint32(5)), ("clip.vision.feed_forward_length", .uint32(16)),
      ("clip.vision.attention.head_count", .uint32(2)), ("clip.vision.image_size", .uint32(28)),
      ("clip.vision.patch_size", .uint32(14)),
      ("clip.vision.image_mean", .floats([0.5, 0.25, 0.125])),
    ],
    entries: [
      WrittenEntry(name: "v.blk.0.ffn_down.weight", extents: [8, 16], offset: 0),
      WrittenEntry(name: "mm.0.bias", extents: [8], offset: 512),
    ],
    data: [UInt8](repeating: 0, count: 544))

  /// The written file with `key` set to a value; nil leaves it out.
  private static func changed(
    _ file: WrittenGGUF, _ key: String, _ value: WrittenValue?
  ) -> WrittenGGUF {
    var file = file
    file.keys.removeAll { $0.0 == key }
    if let value { file.keys.append((key, value)) }
    return file
  }

  private func open(
    _ decoder: WrittenGGUF = decoder, encoder: WrittenGGUF? = nil
  ) throws -> Checkpoint {
    try scratch.write(decoder.bytes, to: "model.gguf")
    if let encoder { try scratch.write(encoder.bytes, to: "model-mmproj.gguf") }
    return try Checkpoint(at: scratch.path("model.gguf"))
  }

  private func error(
    _ decoder: WrittenGGUF = decoder, encoder: WrittenGGUF? = nil
  ) -> CheckpointError? {
    do {
      _ = try open(decoder, encoder: encoder)
      return nil
    } catch { return error as? CheckpointError }
  }

  @Test("keys that a file omits have llama.cpp's meaning")
  func defaults() throws {
    let text = try open().configuration.text
    #expect(text.kvHeads == 2 && text.headWidth == 4 && text.vocabulary == 10 && text.tiedHead)
    #expect(text.ropeTheta == 10000 && text.ropeScaling == .none && !text.attentionBias)
    #expect(text.normEpsilon == 1e-6 && text.contextMax == 64)
    let listed = Self.changed(
      Self.decoder, "llama.attention.head_count_kv", .uint32s([1, 1]))
    #expect(try open(listed).configuration.text.kvHeads == 1)
    let scaled = Self.changed(Self.decoder, "llama.rope.scaling.factor", .float32(4))
    #expect(try open(scaled).configuration.text.ropeScaling == .linear(factor: 4))
    var ends = Self.changed(Self.decoder, "tokenizer.ggml.eos_token_id", .uint32(2))
    ends = Self.changed(ends, "tokenizer.ggml.eot_token_id", .uint32(9))
    #expect(try open(ends).configuration.endsOfSequence == [2, 9])
  }

  @Test("a decoder that is none of ours, or contradicts itself, is refused with its key")
  func refusedDecoders() {
    let cases: [(String, WrittenValue?, CheckpointError.Code, String)] = [
      ("general.architecture", .string("qwen2"), .unsupported, "qwen2"),
      ("general.architecture", .string("clip"), .unsupported, "clip"),
      ("general.architecture", nil, .unsupported, "architecture"),
      ("llama.embedding_length", nil, .configuration, "llama.embedding_length is missing"),
      ("llama.embedding_length", .string("8"), .configuration, "llama.embedding_length is \"8\""),
      ("llama.embedding_length", .uint64(1 << 40), .configuration, "llama.embedding_length"),
      ("llama.block_count", .uint32(0), .configuration, "llama.block_count is 0"),
      ("llama.attention.head_count", .uint32(0), .configuration, "head_count is 0"),
      ("llama.attention.head_count_kv", .uint32s([1, 2]), .configuration, "for all layers"),
      ("llama.attention.head_count_kv", .uint32(3), .configuration, "num_key_value_heads"),
      ("llama.attention.key_length", .uint32(3), .configuration, "even"),
      ("llama.attention.value_length", .uint32(8), .configuration, "value_length is 8"),
      ("llama.rope.dimension_count", .uint32(2), .configuration, "dimension_count is 2"),
      ("llama.rope.scaling.type", .string("yarn"), .unsupported, "yarn"),
      ("llama.rope.freq_base", .float32(.nan), .configuration, "freq_base"),
      ("llama.attention.layer_norm_rms_epsilon", nil, .configuration, "epsilon is missing"),
      ("llama.expert_count", .uint32(8), .unsupported, "mixture of experts"),
      ("tokenizer.ggml.eos_token_id", .uint32(10), .configuration, "eos_token_id is 10"),
    ]
    for (key, value, code, part) in cases {
      let error = error(Self.changed(Self.decoder, key, value))
      #expect(error?.code == code, "\(key): \(error?.message ?? "opened")")
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "opened")")
      #expect(error?.message.contains("model.gguf") == true)
    }
    var file = Self.decoder
    file.entries.removeFirst()
    #expect(error(file)?.code == .missingTensor)
    file = Self.decoder
    file.entries[1].extents = [8, 6]
    #expect(error(file)?.code == .wrongShape)
  }

  @Test("an encoder says how images are seen and which layer's features are taken")
  func encoders() throws {
    let checkpoint = try open(encoder: Self.encoder)
    let configuration = checkpoint.configuration
    #expect(configuration.featureLayers == [5] && configuration.vision.layers == 5)
    #expect(configuration.vision.activation == .quickGELU && !configuration.keepsClassToken)
    #expect(configuration.vision.imageSide == 28 && configuration.projectorActivation == .gelu)
    let (json, file) = try checkpoint.preprocessorFile()
    #expect(file.hasSuffix("model.gguf"))
    let fields = try JSONDecoder().decode([String: JSONValue].self, from: Data(json))
    #expect(fields["image_mean"] == .array([.number(0.5), .number(0.25), .number(0.125)]))
    #expect(fields["image_aspect_ratio"] == .string("pad"))
    // The first layer of the MLP is the one that takes `embedding_length` numbers.
    #expect(checkpoint.shape(of: "vision_tower.encoder.layers.0.mlp.fc1.weight") == [16, 8])
    var newer = Self.encoder
    newer.entries[0].name = "v.blk.0.ffn_up.weight"
    newer = Self.changed(newer, "clip.vision.feature_layer", .uint32s([2, 4]))
    newer = Self.changed(newer, "clip.use_gelu", .bool(true))
    let other = try open(encoder: newer)
    #expect(other.shape(of: "vision_tower.encoder.layers.0.mlp.fc1.weight") == [16, 8])
    #expect(other.configuration.featureLayers == [2, 4])
    #expect(other.configuration.vision.activation == .gelu)
  }

  @Test("an encoder of another kind is refused by name")
  func refusedEncoders() {
    let cases: [(String, WrittenValue?, CheckpointError.Code, String)] = [
      ("general.architecture", .string("llama"), .unsupported, "llama"),
      ("clip.projector_type", .string("ldp"), .unsupported, "ldp"),
      ("clip.vision.projector_type", .string("pixtral"), .unsupported, "pixtral"),
      ("clip.has_vision_encoder", .bool(false), .unsupported, "no vision encoder"),
      ("clip.use_silu", .bool(true), .unsupported, "SiLU"),
      ("clip.vision.image_grid_pinpoints", .uint32s([336, 672]), .unsupported, "tiles"),
      ("clip.vision.image_mean", .floats([1]), .configuration, "three numbers"),
      ("clip.vision.image_size", .uint32(13), .configuration, "image_size"),
      ("clip.vision.feature_layer", .uint32s([6]), .configuration, "vision_feature_layer"),
    ]
    for (key, value, code, part) in cases {
      let error = error(encoder: Self.changed(Self.encoder, key, value))
      #expect(error?.code == code, "\(key): \(error?.message ?? "opened")")
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "opened")")
    }
  }

  @Test("tensors of types that are not read are named when they are asked for")
  func unreadTypes() throws {
    var file = Self.decoder
    file.entries.append(
      WrittenEntry(name: "blk.0.ffn_up.weight", extents: [8, 12], type: 10, offset: 0))
    let checkpoint = try open(file)
    let name = "language_model.layers.0.mlp.up_proj.weight"
    let error = #expect(throws: CheckpointError.self) {
      try checkpoint.tensor(name, shape: [12, 8])
    }
    #expect(
      error?.code == .unsupported && error?.message.contains("\(name) is of type Q2_K") == true)
  }

  @Test("files that belong together are found, or the choice is asked for")
  func findingFiles() throws {
    #expect(try open(encoder: Self.encoder).hasEncoder)
    #expect(try Checkpoint(at: scratch.directory).name == "model.gguf")
    try scratch.write(#"{"notation": "merlin"}"#, to: "chatspot.json")
    #expect(try open().profile.notation == "merlin")
    try scratch.write(#"{"notation": "shikra"}"#, to: "model.chatspot.json")
    #expect(try open().profile.notation == "shikra")
    try scratch.write(Self.encoder.bytes, to: "mmproj-b.gguf")
    let ambiguous = try open()
    #expect(!ambiguous.hasEncoder)
    let missing = #expect(throws: CheckpointError.self) { try ambiguous.preprocessorFile() }
    #expect(missing?.message.contains("mmproj-b.gguf") == true)
    #expect(missing?.remedy.contains("--mmproj") == true)
    let named = try Checkpoint(
      at: scratch.path("model.gguf"), encoder: scratch.path("mmproj-b.gguf"))
    #expect(named.hasEncoder)
    try scratch.write(Self.decoder.bytes, to: "second.gguf")
    let two = #expect(throws: CheckpointError.self) { try Checkpoint(at: scratch.directory) }
    #expect(two?.code == .unreadable && two?.message.contains("second.gguf") == true)
    try scratch.write("no model", to: "letter.txt")
    let letter = #expect(throws: CheckpointError.self) {
      try Checkpoint(at: scratch.path("letter.txt"))
    }
    #expect(letter?.message.contains("neither a directory nor a GGUF file") == true)
    let directory = ScratchCheckpoint.fixtures.appending(path: "tiny-linear")
    #expect(throws: CheckpointError.self) {
      try Checkpoint(at: directory, encoder: scratch.path("mmproj-b.gguf"))
    }
  }

  @Test("the digest tells weights, metadata and encoders apart, not places")
  func digests() throws {
    let first = try open(encoder: Self.encoder).digest()
    #expect(try open(encoder: Self.encoder).digest() == first)
    var other = Self.decoder
    other.data[0] = 1
    #expect(try open(other, encoder: Self.encoder).digest() != first)
    let theta = Self.changed(Self.decoder, "llama.rope.freq_base", .float32(1e6))
    #expect(try open(theta, encoder: Self.encoder).digest() != first)
    let mean = Self.changed(Self.encoder, "clip.vision.image_mean", .floats([0.5, 0.25, 0.5]))
    #expect(try open(encoder: mean).digest() != first)
  }
}
