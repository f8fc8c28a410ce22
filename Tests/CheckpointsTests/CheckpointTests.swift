/// Tensors of a checkpoint: found under any generation's names, refused by name where they are
/// wrong.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("checkpoint")
struct CheckpointTests {
  @Test("every naming scheme leads to the same canonical names")
  func nameSchemes() {
    let parts: [(canonical: String, names: [String])] = [
      (
        "language_model.layers.0.mlp.up_proj.weight",
        [
          "language_model.model.layers.0.mlp.up_proj.weight",
          "model.language_model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight",
        ]
      ),
      (
        "language_model.norm.weight",
        [
          "language_model.model.norm.weight", "model.language_model.norm.weight",
          "model.norm.weight",
        ]
      ),
      (
        "language_model.embed_tokens.weight",
        ["language_model.model.embed_tokens.weight", "model.embed_tokens.weight"]
      ),
      ("language_model.lm_head.weight", ["language_model.lm_head.weight", "lm_head.weight"]),
      (
        "vision_tower.encoder.layers.1.layer_norm1.bias",
        [
          "vision_tower.encoder.layers.1.layer_norm1.bias",
          "model.vision_tower.encoder.layers.1.layer_norm1.bias",
          "vision_tower.vision_model.encoder.layers.1.layer_norm1.bias",
          "model.vision_tower.vision_tower.vision_model.encoder.layers.1.layer_norm1.bias",
        ]
      ),
      (
        "multi_modal_projector.linear_1.weight",
        [
          "multi_modal_projector.linear_1.weight", "model.multi_modal_projector.linear_1.weight",
          "model.mm_projector.weight", "model.mm_projector.0.weight",
          "model.projector.projector.weight",
        ]
      ),
      (
        "multi_modal_projector.linear_2.bias",
        ["multi_modal_projector.linear_2.bias", "model.mm_projector.2.bias"]
      ),
    ]
    for part in parts {
      for name in part.names { #expect(TensorNames.canonical(name) == part.canonical, "\(name)") }
    }
  }

  @Test("a checkpoint rewritten under other names is the same checkpoint")
  func renamed() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    let original = try scratch.open()
    let digest = try original.digest()
    try rewrite(scratch) { tensors in
      for index in tensors.indices {
        let name = TensorNames.canonical(tensors[index].name)
        tensors[index].name =
          if name.hasPrefix("language_model.lm_head") {
            String(name.dropFirst("language_model.".count))
          } else if name.hasPrefix("language_model.") {
            "model." + name.dropFirst("language_model.".count)
          } else if name.hasPrefix("vision_tower.") {
            "model.vision_tower.vision_tower.vision_model." + name.dropFirst("vision_tower.".count)
          } else {
            name.replacing("multi_modal_projector.linear_1", with: "model.mm_projector.0")
              .replacing("multi_modal_projector.linear_2", with: "model.mm_projector.2")
          }
      }
    }
    let renamed = try scratch.open()
    #expect(renamed.tensorNames == original.tensorNames)
    #expect(try renamed.digest() == digest)
  }

  @Test("two tensors that mean the same are refused")
  func duplicates() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    let twice = safetensors([
      WrittenTensor("model.norm.weight", shape: [4]),
      WrittenTensor("language_model.model.norm.weight", shape: [4]),
    ])
    try scratch.write(twice, to: "model.safetensors")
    let error = try #require(scratch.openingError())
    #expect(error.code == .malformed)
    #expect(error.message.contains("language_model.norm.weight stands twice"))
    #expect(error.message.contains("model.safetensors"))
  }

  @Test("a missing tensor, one of another shape and one of a type that is not read are named")
  func tensors() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try rewrite(scratch) { tensors in
      tensors.removeAll { $0.name.contains("embed_tokens") }
      for index in tensors.indices {
        if tensors[index].name.contains("lm_head") { tensors[index].shape.reverse() }
        if tensors[index].name.hasSuffix("layers.0.mlp.up_proj.weight") {
          tensors[index].type = "I16"
        }
      }
    }
    let checkpoint = try scratch.open()
    let decoder = checkpoint.weights("language_model")
    let missing = #expect(throws: CheckpointError.self) {
      try decoder.tensor("embed_tokens.weight", shape: [832, 64])
    }
    #expect(missing?.code == .missingTensor)
    #expect(missing?.message.contains("has no tensor language_model.embed_tokens.weight") == true)
    let shape = #expect(throws: CheckpointError.self) {
      try decoder.scope("lm_head").tensor("weight", shape: [832, 64])
    }
    #expect(shape?.code == .wrongShape)
    #expect(
      shape?.message.contains(
        "language_model.lm_head.weight has the shape [64, 832]; config.json asks for [832, 64]")
        == true)
    let type = #expect(throws: CheckpointError.self) {
      try decoder.scope("layers.0.mlp.up_proj").tensor("weight", shape: [160, 64])
    }
    #expect(type?.code == .unsupported)
    #expect(
      type?.message.contains("language_model.layers.0.mlp.up_proj.weight is of type I16") == true)
  }

  @Test("a file that shrinks after it was opened is refused when a tensor is asked for")
  func shrunk() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    let checkpoint = try scratch.open()
    let size = try Data(contentsOf: scratch.path("model.safetensors")).count
    let file = try FileHandle(forUpdating: scratch.path("model.safetensors"))
    try file.truncate(atOffset: UInt64(size / 2))
    try file.close()
    let error = #expect(throws: CheckpointError.self) { try checkpoint.digest() }
    #expect(error?.code == .malformed && error?.message.contains("model.safetensors") == true)
  }

  @Test("without weights, the directory and the names that were looked for are said")
  func noWeights() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    try scratch.remove("model.safetensors")
    let error = try #require(scratch.openingError())
    #expect(error.code == .unreadable)
    #expect(error.message.contains("has neither model.safetensors nor"))
  }

  @Test("shards are read as one; one that is missing or outside the directory is named")
  func shards() throws {
    let scratch = try ScratchCheckpoint("tiny-llama3-tied")
    let index = "model.safetensors.index.json"
    #expect(try scratch.open().tensorNames.count > 20)
    for (name, problem) in [
      ("model-00009-of-00003.safetensors", "model-00009-of-00003.safetensors does not exist"),
      ("../model.safetensors", "weight_map.model.norm.weight is \"../model.safetensors\""),
      ("/etc/passwd", "it must be the name of a file beside the index"), ("..", ".."),
      ("", "it must be the name of a file beside the index"),
    ] {
      try scratch.edit(index) { $0["weight_map"] = ["model.norm.weight": name] }
      let error = try #require(scratch.openingError())
      #expect(error.message.contains(problem), "\(error)")
    }
    for map in [NSNull(), 5, ["a": 5]] as [Any] {
      try scratch.edit(index) { $0["weight_map"] = map }
      let error = try #require(scratch.openingError())
      #expect(error.code == .configuration && error.message.contains("\(index): weight_map"))
    }
  }

  @Test("the digest tells changed weights, configuration and names apart")
  func digest() throws {
    let scratch = try ScratchCheckpoint("tiny-linear")
    let original = try scratch.open().digest()
    #expect(original.count == 32)
    try scratch.write("{\"notation\": \"mini\"}", to: "chatspot.json")
    let other = try scratch.open().digest()
    #expect(other != original)
    try rewrite(scratch) { tensors in tensors[0].bytes[0] ^= 1 }
    #expect(try scratch.open().digest() != other)
  }

  /// Reads all tensors of model.safetensors, lets `change` at them and writes them back.
  private func rewrite(
    _ scratch: ScratchCheckpoint, _ change: (inout [WrittenTensor]) -> Void
  ) throws {
    let file = scratch.path("model.safetensors")
    let types: [WeightFormat: String] = [.f32: "F32", .f16: "F16", .bf16: "BF16"]
    var tensors: [WrittenTensor] = []
    for (name, location) in try SafetensorsHeader(reading: file).tensors.sorted(by: {
      $0.key < $1.key
    }) {
      let memory = try ReadOnlyMemory(
        mapping: location.path, offset: location.offset, count: location.byteCount)
      tensors.append(
        WrittenTensor(
          name, type: types[location.format] ?? "", shape: location.shape,
          bytes: memory.bytes(0..<memory.count)))
    }
    change(&tensors)
    try scratch.write(safetensors(tensors), to: "model.safetensors")
  }
}
