/// Directories as LLaVA's and Merlin's own programs lay them out, pickled by PyTorch.
///
/// `Tests/Oracle/make_pickled.py` made them with torch, of the tensors of other fixtures.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("LLaVA's and Merlin's own layouts")
struct OriginalLayoutTests {
  private static let pickled = ScratchCheckpoint.fixtures.appending(path: "pickled")

  private func fixture(_ name: String) throws -> Checkpoint {
    try Checkpoint(directory: ScratchCheckpoint.fixtures.appending(path: name))
  }

  @Test(
    "every weight is the one of the directory that it was made from, mapped",
    arguments: [("pickled/merlin", "tiny-conv"), ("pickled/llava", "tiny-linear-rope")])
  func tensors(name: String, original: String) throws {
    let (checkpoint, expected) = (try fixture(name), try fixture(original))
    for name in expected.tensorNames {
      let shape = try #require(expected.shape(of: name))
      let (tensor, other) = (
        try checkpoint.tensor(name, shape: shape), try expected.tensor(name, shape: shape)
      )
      #expect(tensor.format == other.format && tensor.widened() == other.widened(), "\(name)")
    }
    #expect(checkpoint.ownByteCount(prefix: "") == 0)
    #expect(checkpoint.shape(of: "vision_tower.embeddings.position_ids") == nil)
  }

  @Test(
    "the configuration is the one of the directory that it was made from",
    arguments: [("pickled/merlin", "tiny-conv"), ("pickled/llava", "tiny-linear-rope")])
  func configuration(name: String, original: String) throws {
    let configuration = try fixture(name).configuration
    let expected = try fixture(original).configuration
    #expect(configuration.text == expected.text)
    #expect(configuration.vision == expected.vision)
    #expect(configuration.featureLayers == expected.featureLayers)
    #expect(configuration.keepsClassToken == expected.keepsClassToken)
    #expect(configuration.endsOfSequence == expected.endsOfSequence)
  }

  @Test("Merlin's words, frame and tokens are taken unless chatspot.json says otherwise")
  func merlin() throws {
    let scratch = try ScratchCheckpoint("pickled/merlin")
    let checkpoint = try scratch.open()
    #expect(checkpoint.profile.notation == "merlin" && checkpoint.profile.template == "merlin")
    #expect(checkpoint.configuration.imageToken == 822)
    #expect("\(checkpoint.origin)" == "Merlin, 2 pickled files")
    let layout = try ProjectorLayout(
      of: checkpoint.weights("multi_modal_projector"), configuration: checkpoint.configuration)
    #expect(layout == ProjectorLayout(stride: 2, rows: 16))
    let preprocessor = String(decoding: try checkpoint.preprocessorFile().bytes, as: UTF8.self)
    #expect(preprocessor.contains(#""do_center_crop" : false"#))
    #expect(preprocessor.contains(#""height" : 112"#))
    try scratch.write(#"{"template": "vicuna-v1.1"}"#, to: "chatspot.json")
    let profile = try scratch.open().profile
    #expect(profile.notation == "merlin" && profile.template == "vicuna-v1.1")
    // As many tokens as Merlin itself has cannot be had of 8 × 8 patches.
    try scratch.set("image_seq_length", nil)
    #expect(try scratch.open().configuration.imageTokenCount == 256)
  }

  @Test("a vision tower is found beside the checkpoint, in it, or where chatspot.json says")
  func tower() throws {
    #expect(
      try fixture("pickled/llava").origin.visionTower?.standardizedFileURL
        == Self.pickled.appending(path: "clip-tiny").standardizedFileURL)
    let scratch = try ScratchCheckpoint("pickled/llava")
    let alone = try scratch.open()
    #expect(!alone.hasEncoder && alone.hasTensor("language_model.norm.weight"))
    let reason = try #require(alone.reasonWithoutEncoder)
    #expect(reason.contains("nobody/clip-tiny") && reason.contains(#"{"vision_tower": "#))
    let error = #expect(throws: CheckpointError.self) { try alone.preprocessorFile() }
    #expect(error?.code == .missingTensor)

    try FileManager.default.copyItem(
      at: Self.pickled.appending(path: "clip-tiny"), to: scratch.path("clip-tiny"))
    #expect(try scratch.open().hasEncoder)
    try FileManager.default.moveItem(at: scratch.path("clip-tiny"), to: scratch.path("elsewhere"))
    #expect(try !scratch.open().hasEncoder)
    for path in ["elsewhere", scratch.path("elsewhere").path] {
      try scratch.write("{\"vision_tower\": \"\(path)\"}", to: "chatspot.json")
      #expect(try scratch.open().hasEncoder)
    }
    try scratch.write(#"{"vision_tower": "nowhere"}"#, to: "chatspot.json")
    let missing = try #require(scratch.openingError())
    #expect(missing.message.contains(#"vision_tower is "nowhere"; it must be a directory"#))
    try scratch.write(#"{"vision_tower": "elsewhere"}"#, to: "chatspot.json")
    try scratch.edit("elsewhere/config.json") { $0["model_type"] = "siglip" }
    #expect(scratch.openingError()?.message.contains(#"of type "siglip""#) == true)
  }

  @Test("LLaVA's fields are followed, and refused by name where they cannot be")
  func llavaFields() throws {
    let scratch = try ScratchCheckpoint("pickled/llava")
    try FileManager.default.copyItem(
      at: Self.pickled.appending(path: "clip-tiny"), to: scratch.path("clip-tiny"))
    #expect(try scratch.open().profile.template == nil)
    let preprocessor = try scratch.open().preprocessorFile().bytes
    #expect(
      String(decoding: preprocessor, as: UTF8.self).contains(#""image_aspect_ratio" : "pad""#))
    try scratch.set("mm_vision_select_layer", -1)
    try scratch.set("mm_vision_select_feature", "cls_patch")
    try scratch.set("mm_use_im_start_end", true)
    let changed = try scratch.open()
    #expect(changed.configuration.featureLayers == [3] && changed.configuration.keepsClassToken)
    #expect(changed.profile.template == "llava-v1")
    for (field, value, good) in [
      ("mm_projector_type", "mlp3x_gelu", "mlp2x_gelu"),
      ("mm_projector_type", "resampler", "linear"),
      ("mm_vision_select_feature", "cls", "patch"), ("image_aspect_ratio", "anyres", "pad"),
    ] {
      try scratch.set(field, value)
      let error = try #require(scratch.openingError())
      #expect(error.message.contains("\(field) is \"\(value)\""), "\(error)")
      try scratch.set(field, good)
      #expect(scratch.openingError() == nil)
    }
    try scratch.set("image_aspect_ratio", "anyres")
    try scratch.write(#"{"geometry": "centre-pad"}"#, to: "chatspot.json")
    #expect(scratch.openingError() == nil)
  }

  @Test("a vision encoder that is told from its shapes: heads are 64 wide, or else asked for")
  func shapes() throws {
    func tensors(hidden: Int, positions: Int) -> CheckpointTensors {
      let shapes = [
        "embeddings.patch_embedding.weight": [hidden, 3, 14, 14],
        "embeddings.position_embedding.weight": [positions, hidden],
        "encoder.layers.0.mlp.fc1.weight": [4 * hidden, hidden],
        "encoder.layers.23.mlp.fc1.weight": [4 * hidden, hidden],
      ]
      var result = CheckpointTensors()
      for (name, shape) in shapes {
        result.located["vision_tower.\(name)"] = TensorLocation(
          path: "", format: .f16, shape: shape, offset: 0, byteCount: 0)
      }
      return result
    }
    let merlin = try VisionTower.fields(
      of: tensors(hidden: 1024, positions: 1025), given: [:], file: "c.json")
    #expect(merlin["num_attention_heads"] == .number(16) && merlin["image_size"] == .number(448))
    #expect(merlin["intermediate_size"] == .number(4096))
    let heads = #expect(throws: CheckpointError.self) {
      try VisionTower.fields(of: tensors(hidden: 40, positions: 65), given: [:], file: "c.json")
    }
    #expect(heads?.remedy.contains("num_attention_heads") == true)
    let square = #expect(throws: CheckpointError.self) {
      try VisionTower.fields(of: tensors(hidden: 64, positions: 12), given: [:], file: "c.json")
    }
    #expect(square?.message.contains("12 positions") == true)
  }

  @Test("safetensors go before pickles; shards that are missing or elsewhere are named")
  func shards() throws {
    let scratch = try ScratchCheckpoint("pickled/merlin")
    let index = "pytorch_model.bin.index.json"
    for (name, problem) in [
      ("pytorch_model-00009-of-00002.bin", "pytorch_model-00009-of-00002.bin does not exist"),
      ("../pytorch_model.bin", "it must be the name of a file beside the index"),
    ] {
      try scratch.edit(index) { $0["weight_map"] = ["model.norm.weight": name] }
      #expect(scratch.openingError()?.message.contains(problem) == true)
    }
    try FileManager.default.copyItem(
      at: ScratchCheckpoint.fixtures.appending(path: "tiny-conv/model.safetensors"),
      to: scratch.path("model.safetensors"))
    #expect(try scratch.open().origin.weights == "1 safetensors file")
  }

  @Test("a decoder alone, as Vicuna is, opens without a vision encoder")
  func decoder() throws {
    let scratch = try ScratchCheckpoint("pickled/llava")
    try scratch.set("model_type", "llama")
    let checkpoint = try scratch.open()
    #expect(!checkpoint.hasEncoder && checkpoint.configuration.text.layers == 2)
    #expect(checkpoint.origin.layout == .llama)
    #expect(checkpoint.reasonWithoutEncoder?.contains("a decoder alone") == true)
    try scratch.set("model_type", "gpt2")
    #expect(scratch.openingError()?.code == .unsupported)
  }

  @Test("what is quantised of them is a llava-hf directory with the same words and answers")
  func quantized() throws {
    let output = try ScratchCheckpoint()
    for name in ["merlin", "llava"] {
      let original = try fixture("pickled/\(name)")
      try CheckpointQuantizer(original, to: .q8_0, on: .single)
        .write(to: output.path(name)) { _, _ in }
      let written = try Checkpoint(directory: output.path(name))
      #expect(written.origin.layout == .llavaHF && written.hasEncoder)
      #expect(written.configuration == original.configuration)
      #expect(written.profile == original.profile)
      #expect(try written.preprocessorFile().bytes == original.preprocessorFile().bytes)
    }
  }
}

extension Checkpoint {
  fileprivate func hasTensor(_ name: String) -> Bool { shape(of: name) != nil }
}
