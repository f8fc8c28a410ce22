/// Checkpoints as the model families' own programs lay them out, told in llava-hf's terms.

import Foundation

/// A directory of LLaVA's (https://github.com/haotian-liu/LLaVA), of Merlin's
/// (https://github.com/Ahnsun/merlin), or of a Llama decoder alone.
///
/// Their `config.json` has the decoder's fields on top. LLaVA's has `mm_…` fields for the rest and
/// may name a vision tower that has a directory of its own; Merlin's says nothing of vision, which is
/// told from the tensors.
struct OriginalDirectory {
  /// With `config.json` and the others as llava-hf would have them.
  private(set) var files: CheckpointFiles
  /// With those of the vision tower.
  private(set) var tensors: CheckpointTensors
  /// The vision tower's directory, if it has one of its own.
  private(set) var tower: URL?
  /// Why there is no vision encoder; nil if there is one.
  private(set) var withoutEncoder: CheckpointError?

  static let towerField = "vision_tower"
  private static let preprocessorFile = "preprocessor_config.json"

  /// Throws `.configuration` or `.unsupported` for what a configuration says, and what is wrong with
  /// a vision tower's directory.
  init(
    _ files: CheckpointFiles, _ layout: CheckpointOrigin.Layout, _ tensors: CheckpointTensors
  ) throws(CheckpointError) {
    self.files = files
    self.tensors = tensors
    let config = try files.object("config.json")
    let profile =
      files.has(ReferringProfile.fileName)
      ? try files.object(ReferringProfile.fileName)
      : ConfigurationObject(file: ReferringProfile.fileName, path: "", fields: [:])
    var fields: [String: JSONValue] = [
      "model_type": .string("llava"),
      "text_config": .object(config.fields.merging(["model_type": .string("llama")]) { $1 }),
      "image_token_index": .number(Double(try imageToken(config))),
    ]
    for name in ["image_seq_length", "tie_word_embeddings"] { fields[name] = config.fields[name] }
    var defaults: [String: JSONValue] = [:]
    switch layout {
    case .llava:
      fields.merge(try Self.llava(config, profile)) { $1 }
      if try config.bool("mm_use_im_start_end", default: false) {
        defaults["template"] = .string("llava-v1")
      }
    case .merlin:
      fields["vision_feature_layer"] = config.fields["vision_select_layer"] ?? .number(-2)
      defaults = ["notation": .string("merlin"), "template": .string("merlin")]
      let isConvolution =
        tensors.located["multi_modal_projector.linear_1.weight"]?.shape.count == 4
      // Merlin's program has it as a constant.
      if isConvolution, fields["image_seq_length"] == nil {
        fields["image_seq_length"] = .number(256)
      }
    default: break
    }
    if layout != .llama {
      try addVision(layout, config, profile, &fields)
    } else {
      withoutEncoder = CheckpointError(
        .missingTensor, "\(config.file) is of a decoder alone, without a vision encoder")
    }
    self.files.derive("config.json", fields, from: config.file)
    var said = profile.fields
    said[Self.towerField] = nil
    said.merge(defaults) { given, _ in given }
    if !said.isEmpty {
      self.files.derive(ReferringProfile.fileName, said, from: profile.file)
    }
  }

  /// The vision encoder's configuration, tensors and preprocessing.
  private mutating func addVision(
    _ layout: CheckpointOrigin.Layout, _ config: ConfigurationObject,
    _ profile: ConfigurationObject, _ fields: inout [String: JSONValue]
  ) throws(CheckpointError) {
    let given = try config.object("vision_config")?.fields ?? [:]
    var preprocessor =
      files.has(Self.preprocessorFile) ? try files.object(Self.preprocessorFile) : nil
    let vision: [String: JSONValue]
    if let directory = try towerDirectory(config, profile) {
      let tower = try VisionTower(in: directory)
      self.tower = directory
      tensors.located = tensors.located.filter { !$0.key.hasPrefix("vision_tower.") }
      tensors.located.merge(tower.tensors.located) { $1 }
      tensors.unread.merge(tower.tensors.unread) { $1 }
      vision = tower.fields.merging(given) { $1 }
      preprocessor = preprocessor ?? tower.preprocessor
    } else if tensors.hasVisionTower {
      vision = try VisionTower.fields(of: tensors, given: given, file: config.file)
    } else {
      let name = try config.string("mm_vision_tower", default: "its vision encoder")
      withoutEncoder = CheckpointError(
        .missingTensor,
        "the weights of \(name.prefix(120)) are not among those beside \(config.file)",
        remedy: "Say in \(ReferringProfile.fileName) beside it which directory has the vision "
          + "encoder: {\"\(Self.towerField)\": \"DIRECTORY\"}")
      return
    }
    fields["vision_config"] = .object(vision)
    let side = Double(
      try VisionConfiguration(
        ConfigurationObject(file: config.file, path: "vision_config.", fields: vision),
        file: config.file
      ).imageSide)
    files.derive(
      Self.preprocessorFile,
      try Self.preprocessor(
        preprocessor?.fields, side: side, stretches: layout == .merlin, config),
      from: preprocessor?.file ?? config.file)
  }

  /// LLaVA's own fields in llava-hf's terms.
  private static func llava(
    _ config: ConfigurationObject, _ profile: ConfigurationObject
  ) throws(CheckpointError) -> [String: JSONValue] {
    let projector = try config.string("mm_projector_type", default: "linear")
    guard ["linear", "mlp1x_gelu", "mlp2x_gelu"].contains(projector) else {
      throw config.wrong("mm_projector_type", "\"linear\" or \"mlp2x_gelu\"")
    }
    let feature = try config.string("mm_vision_select_feature", default: "patch")
    guard let strategy = ["patch": "default", "cls_patch": "full"][feature] else {
      throw config.wrong("mm_vision_select_feature", "\"patch\" or \"cls_patch\"")
    }
    let aspect = try config.string("image_aspect_ratio", default: "square")
    guard ["square", "pad"].contains(aspect) || profile.has("geometry") else {
      throw CheckpointError(
        .unsupported,
        "\(config.file): image_aspect_ratio is \"\(aspect.prefix(40))\", with which a picture is "
          + "taken in several tiles",
        remedy: "With \"geometry\" in \(ReferringProfile.fileName) it is taken as a whole")
    }
    return [
      "vision_feature_layer": config.fields["mm_vision_select_layer"] ?? .number(-2),
      "vision_feature_select_strategy": .string(strategy),
    ]
  }

  /// How pictures are brought to the square: as `given` says, or as CLIP's preprocessor does it with
  /// LLaVA, and Merlin's training with a stretch.
  private static func preprocessor(
    _ given: [String: JSONValue]?, side: Double, stretches: Bool, _ config: ConfigurationObject
  ) throws(CheckpointError) -> [String: JSONValue] {
    let square: JSONValue = .object(["height": .number(side), "width": .number(side)])
    var fields =
      given
      ?? (stretches
        ? ["size": square, "do_center_crop": .bool(false)]
        : ["size": .object(["shortest_edge": .number(side)]), "crop_size": square])
    if fields["image_aspect_ratio"] == nil,
      try config.string("image_aspect_ratio", default: "square") == "pad"
    {
      fields["image_aspect_ratio"] = .string("pad")
    }
    return fields
  }

  /// Where the vision tower has a directory of its own: as `chatspot.json` says, or beside or in the
  /// checkpoint under the name that LLaVA's configuration gives it. Nil if there is none.
  private func towerDirectory(
    _ config: ConfigurationObject, _ profile: ConfigurationObject
  ) throws(CheckpointError) -> URL? {
    guard let directory = files.directory else { return nil }
    if profile.has(Self.towerField) {
      let path = try profile.string(Self.towerField)
      let url = (path.hasPrefix("/") ? URL(filePath: path) : directory.appending(path: path))
        .standardizedFileURL
      guard Self.isDirectory(url) else {
        throw profile.wrong(Self.towerField, "a directory with a CLIP vision encoder")
      }
      return url
    }
    guard !tensors.hasVisionTower, config.has("mm_vision_tower") else { return nil }
    // No other part of the name: a file that comes from elsewhere opens nothing but its neighbours.
    let name = try config.string("mm_vision_tower").split(separator: "/").last.map(String.init)
    guard let name, name != ".", name != ".." else { return nil }
    return [directory, directory.standardizedFileURL.deletingLastPathComponent()]
      .map { $0.appending(path: name) }.first(where: Self.isDirectory)
  }

  private static func isDirectory(_ url: URL) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  /// The id that stands where an image's features go. Any will do that stands for no text: that of
  /// `<im_patch>` where the tokeniser has one, else that of unknown pieces.
  private func imageToken(_ config: ConfigurationObject) throws(CheckpointError) -> Int {
    let (given, added, ids) = ("image_token_index", "added_tokens.json", 0...(1 << 30))
    if config.has(given) { return try config.integer(given, in: ids) }
    guard files.has(added) else { return 0 }
    return try files.object(added).integer("<im_patch>", default: 0, in: ids)
  }
}
