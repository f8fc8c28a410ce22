/// config.json and its companions: defaults as transformers has them, and errors that name file and
/// field.

import Foundation
import Testing

@testable import Checkpoints

@Suite("configuration")
struct ConfigurationTests {
  @Test(
    "a field of the wrong type or out of range is named with the file, what it is and what it must be",
    arguments: [
      ("model_type", 5 as any Sendable, "model_type is 5; it must be a string"),
      ("text_config", "llama", "text_config is \"llama\"; it must be an object"),
      (
        "text_config.hidden_size", "64",
        "text_config.hidden_size is \"64\"; it must be a whole number"
      ),
      (
        "text_config.hidden_size", 0,
        "text_config.hidden_size is 0; it must be a whole number from 1"
      ),
      ("text_config.hidden_size", 1e300, "text_config.hidden_size is 1e+300; it must be"),
      ("text_config.hidden_size", 1 << 40, "text_config.hidden_size is 1099511627776; it must be"),
      ("text_config.intermediate_size", 1.5, "text_config.intermediate_size is 1.5; it must be"),
      ("text_config.num_hidden_layers", -1, "text_config.num_hidden_layers is -1; it must be"),
      ("text_config.num_attention_heads", true, "text_config.num_attention_heads is true"),
      (
        "text_config.num_key_value_heads", 3,
        "text_config.num_key_value_heads is 3; it must be a divisor"
      ),
      ("text_config.head_dim", 15, "text_config.head_dim is 15; it must be even"),
      ("text_config.head_dim", 1 << 30, "text_config.head_dim is 1073741824; it must be"),
      ("text_config.vocab_size", [1], "text_config.vocab_size is a list of 1; it must be"),
      (
        "text_config.rms_norm_eps", "small",
        "text_config.rms_norm_eps is \"small\"; it must be a number"
      ),
      ("text_config.hidden_act", "gelu", "text_config.hidden_act is \"gelu\"; it must be \"silu\""),
      (
        "text_config.attention_bias", 1, "text_config.attention_bias is 1; it must be true or false"
      ),
      ("text_config.eos_token_id", 100_000, "text_config.eos_token_id is 100000; it must be below"),
      ("text_config.bos_token_id", -1, "text_config.bos_token_id is -1; it must be below"),
      ("text_config.rope_theta", -1, "text_config.rope_theta is -1; it must be positive"),
      ("tie_word_embeddings", "no", "tie_word_embeddings is \"no\"; it must be true or false"),
      (
        "image_token_index", 832,
        "image_token_index is 832; it must be a whole number from 0 to 831"
      ),
      ("image_seq_length", -4, "image_seq_length is -4; it must be"),
      ("vision_feature_layer", 9, "vision_feature_layer is 9; it must be from -4 to 3"),
      ("vision_feature_layer", [Int](), "vision_feature_layer is a list of 0; it must be"),
      (
        "vision_feature_select_strategy", "cls",
        "vision_feature_select_strategy is \"cls\"; it must be"
      ),
      ("projector_hidden_act", "relu", "projector_hidden_act is \"relu\"; it must be"),
      (
        "vision_config.image_size", 4,
        "vision_config.image_size is 4; it must be at least patch_size"
      ),
      ("vision_config.patch_size", 0, "vision_config.patch_size is 0; it must be"),
      (
        "vision_config.num_attention_heads", 5,
        "vision_config.num_attention_heads is 5; it must be a divisor"
      ),
      ("vision_config.num_channels", 4, "vision_config.num_channels is 4; it must be 3"),
      ("vision_config.hidden_act", "silu", "vision_config.hidden_act is \"silu\"; it must be"),
    ] as [(String, any Sendable, String)])
  func wrongFields(field: String, value: any Sendable, message: String) throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set("text_config.rope_parameters", nil)
    try scratch.remove("generation_config.json")
    try scratch.set(field, value)
    let error = try #require(scratch.openingError())
    #expect(error.code == .configuration)
    #expect(error.message.contains("config.json: \(message)"), "\(error)")
  }

  @Test(
    "other architectures are refused by name",
    arguments: [
      ("model_type", "qwen2_vl"), ("text_config.model_type", "mistral"),
      ("vision_config.model_type", "siglip_vision_model"),
    ])
  func architectures(field: String, name: String) throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set(field, name)
    let error = try #require(scratch.openingError())
    #expect(error.code == .unsupported && error.message.contains("\"\(name)\""))
    #expect(!error.remedy.isEmpty)
  }

  @Test("a missing or unreadable config.json is named")
  func files() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    for text in ["", "{", "[]", "{\"model_type\": NaN}", String(repeating: "[", count: 200_000)] {
      try scratch.write(text, to: "config.json")
      let error = try #require(scratch.openingError())
      #expect(
        error.code == .malformed && error.message.hasSuffix("config.json is not a JSON object"))
    }
    try scratch.remove("config.json")
    #expect(scratch.openingError()?.message.contains("config.json does not exist") == true)
    let nowhere = #expect(throws: CheckpointError.self) {
      try Checkpoint(directory: scratch.path("nowhere"))
    }
    #expect(nowhere?.message.hasSuffix("nowhere does not exist") == true)
  }

  @Test("without vision_config it is ViT-L/14 at 336; single omitted fields are ViT-B/32's")
  func visionDefaults() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set("vision_config", nil)
    let large = try scratch.open().configuration.vision
    #expect(large.hidden == 1024 && large.layers == 24 && large.heads == 16)
    #expect(large.imageSide == 336 && large.patchSide == 14 && large.intermediate == 4096)
    try scratch.set("vision_config", ["hidden_size": 96])
    let partial = try scratch.open().configuration.vision
    #expect(partial.hidden == 96 && partial.layers == 12 && partial.heads == 12)
    #expect(partial.imageSide == 224 && partial.patchSide == 32 && partial.intermediate == 3072)
    #expect(partial.activation == .quickGELU && partial.normEpsilon == 1e-5)
  }

  @Test("text_config's omitted fields are LlamaConfig's; null is as absent")
  func textDefaults() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set(
      "text_config", ["num_attention_heads": 64, "head_dim": NSNull()] as [String: Any])
    try scratch.set("image_seq_length", NSNull())
    try scratch.set("image_token_id", NSNull())
    let configuration = try scratch.open().configuration
    let text = configuration.text
    #expect(text.hidden == 4096 && text.intermediate == 11008 && text.layers == 32)
    #expect(text.heads == 64 && text.kvHeads == 64 && text.headWidth == 64)
    #expect(text.vocabulary == 32000 && text.contextMax == 2048 && text.normEpsilon == 1e-6)
    #expect(text.ropeTheta == 10000 && text.ropeScaling == .none && !text.tiedHead)
    #expect(configuration.imageTokenCount == nil && configuration.imageToken == 820)
  }

  @Test("an image token that no default can give must be named")
  func imageToken() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set("image_token_index", nil)
    let error = try #require(scratch.openingError())
    #expect(error.message.contains("image_token_index is missing"))
    try scratch.set("image_token_id", 7)
    #expect(try scratch.open().configuration.imageToken == 7)
  }

  @Test("rotary parameters are read in both generations' form")
  func rope() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    let llama3: [String: any Sendable] = [
      "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
      "original_max_position_embeddings": 8192,
    ]
    let scaled = RopeScaling.llama3(factor: 8, lowFactor: 1, highFactor: 4, originalContext: 8192)
    let cases: [([String: any Sendable], Double, RopeScaling)] = [
      (["rope_theta": 5e5], 5e5, .none),
      (
        ["rope_parameters": ["rope_theta": 7.0, "rope_type": "default"] as [String: any Sendable]],
        7, .none
      ),
      (["rope_parameters": llama3, "rope_theta": 9.0], 9, scaled),
      (["rope_scaling": llama3, "rope_theta": 5e5], 5e5, scaled),
      (
        ["rope_scaling": ["type": "linear", "factor": 2.5] as [String: any Sendable]], 10000,
        .linear(factor: 2.5)
      ),
    ]
    for (fields, theta, scaling) in cases {
      try scratch.set("text_config.rope_parameters", nil)
      try scratch.edit("config.json") { config in
        var text = config["text_config"] as? [String: Any] ?? [:]
        for name in ["rope_theta", "rope_scaling", "rope_parameters"] { text[name] = fields[name] }
        config["text_config"] = text
      }
      let text = try scratch.open().configuration.text
      #expect(text.ropeTheta == theta && text.ropeScaling == scaling)
    }
  }

  @Test(
    "rotary parameters that make no sense are named as the file has them",
    arguments: [
      (
        "rope_scaling", ["type": "dynamic", "factor": 2] as [String: any Sendable],
        "rope_scaling.type is \"dynamic\""
      ),
      ("rope_parameters", ["rope_type": "yarn"], "rope_parameters.rope_type is \"yarn\""),
      ("rope_parameters", ["rope_type": "linear"], "rope_parameters.factor is missing"),
      (
        "rope_scaling", ["type": "linear", "factor": 0],
        "rope_scaling.factor is 0; it must be positive"
      ),
      (
        "rope_parameters", ["rope_theta": 0], "rope_parameters.rope_theta is 0; it must be positive"
      ),
    ])
  func wrongRope(field: String, value: [String: any Sendable], message: String) throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.set("text_config.rope_parameters", nil)
    try scratch.set("text_config.\(field)", value)
    let error = try #require(scratch.openingError())
    #expect(error.message.contains("config.json: text_config.\(message)"), "\(error)")
  }

  @Test("end tokens: a list of generation_config.json goes before config.json's")
  func endTokens() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.write("{\"eos_token_id\": [5, 9]}", to: "generation_config.json")
    #expect(try scratch.open().configuration.endsOfSequence == [5, 9])
    try scratch.write("{\"eos_token_id\": null}", to: "generation_config.json")
    try scratch.set("text_config.eos_token_id", 7)
    #expect(try scratch.open().configuration.endsOfSequence == [7])
    try scratch.remove("generation_config.json")
    try scratch.set("text_config.eos_token_id", nil)
    #expect(try scratch.open().configuration.endsOfSequence == [2])
    try scratch.write("{\"eos_token_id\": [2, \"</s>\"]}", to: "generation_config.json")
    let error = try #require(scratch.openingError())
    #expect(error.message.contains("generation_config.json: eos_token_id is a list of 2"))
  }

  @Test("chatspot.json may be absent, partial or null in parts; a wrong field is named")
  func profile() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.write("{\"geometry\": null, \"system\": \"Be brief.\"}", to: "chatspot.json")
    let partial = try scratch.open().profile
    #expect(partial.geometry == nil && partial.system == "Be brief." && partial.notation == "llava")
    try scratch.remove("chatspot.json")
    let absent = try scratch.open().profile
    #expect(absent.template == nil && absent.system == nil)
    for (text, problem) in [
      ("{\"notation\": 3}", "chatspot.json: notation is 3; it must be a string"),
      ("{\"geometry\": []}", "chatspot.json: geometry is a list of 0; it must be a string"),
      (
        "{\"weights\": \"q9\"}",
        "chatspot.json: weights is \"q9\"; it must be one of f32, f16, bf16, q8_0, q4_0"
      ),
      ("nonsense", "chatspot.json is not a JSON object"),
    ] {
      try scratch.write(text, to: "chatspot.json")
      #expect(scratch.openingError()?.message.contains(problem) == true)
    }
  }
}
