/// What a checkpoint's `config.json` says of the whole model.

import Foundation

/// A referring model: vision encoder, projector and decoder.
public struct ModelConfiguration: Sendable, Equatable {
  public let text: TextConfiguration
  public let vision: VisionConfiguration
  /// The hidden states of the vision encoder that are taken as features, counted from 0, the
  /// embeddings. Several are joined side by side.
  public let featureLayers: [Int]
  /// Whether the class token's row is kept ("full") or dropped ("default").
  public let keepsClassToken: Bool
  public let projectorActivation: Activation
  /// The id that stands in the prompt where an image's features go.
  public let imageToken: Int32
  /// How many token positions an image takes, where the file says so.
  public let imageTokenCount: Int?
  public let beginningOfSequence: Int32?
  /// Ids that end an answer.
  public let endsOfSequence: [Int32]

  /// Numbers of one image feature.
  public var featureWidth: Int { vision.hidden * featureLayers.count }
  /// Feature rows of an image, before the projector.
  public var featureRows: Int { vision.patches + (keepsClassToken ? 1 : 0) }

  /// Reads `config.json`, and the end tokens of `generation_config.json` where there is one.
  init(_ files: CheckpointFiles) throws(CheckpointError) {
    let config = try files.object("config.json")
    guard try CheckpointOrigin.Layout(of: config) == .llavaHF else {
      throw CheckpointError(
        .unsupported, "\(config.file) is not in llava-hf's terms", remedy: "Fetch it anew")
    }
    let none = ConfigurationObject(file: config.file, path: "", fields: [:])
    let textObject = try config.object("text_config") ?? none
    text = try TextConfiguration(
      textObject, tiedByDefault: try config.bool("tie_word_embeddings", default: false))
    vision = try VisionConfiguration(try config.object("vision_config"), file: config.file)
    featureLayers = try Self.featureLayers(config, layers: vision.layers)
    switch try config.string("vision_feature_select_strategy", default: "default") {
    case "default": keepsClassToken = false
    case "full": keepsClassToken = true
    default: throw config.wrong("vision_feature_select_strategy", "\"default\" or \"full\"")
    }
    let activation = try config.string("projector_hidden_act", default: "gelu")
    guard let projector = Activation(rawValue: activation) else {
      throw config.wrong("projector_hidden_act", "\"gelu\", \"quick_gelu\" or \"linear\"")
    }
    projectorActivation = projector
    let ids = 0...(text.vocabulary - 1)
    let imageTokenName = config.has("image_token_id") ? "image_token_id" : "image_token_index"
    let imageTokenDefault = 32000
    imageToken = Int32(
      try config.integer(
        imageTokenName, default: ids.contains(imageTokenDefault) ? imageTokenDefault : nil,
        in: ids))
    imageTokenCount =
      config.has("image_seq_length")
      ? try config.integer("image_seq_length", in: 1...1_000_000) : nil
    beginningOfSequence = try Self.identifiers(textObject, "bos_token_id", in: ids)?.first ?? 1
    endsOfSequence = try Self.ends(files, textObject, in: ids)
  }

  private static func featureLayers(
    _ config: ConfigurationObject, layers: Int
  ) throws(CheckpointError) -> [Int] {
    let listed = try config.integers("vision_feature_layer") ?? [-2]
    guard !listed.isEmpty, listed.count <= layers + 1 else {
      throw config.wrong("vision_feature_layer", "one layer or a list of them")
    }
    var result: [Int] = []
    for layer in listed {
      let index = layer < 0 ? layers + 1 + layer : layer
      guard index >= 0, index <= layers else {
        throw config.wrong("vision_feature_layer", "from \(-layers - 1) to \(layers)")
      }
      result.append(index)
    }
    return result
  }

  private static func ends(
    _ files: CheckpointFiles, _ text: ConfigurationObject, in range: ClosedRange<Int>
  ) throws(CheckpointError) -> [Int32] {
    if files.has("generation_config.json") {
      let generation = try files.object("generation_config.json")
      if let ends = try identifiers(generation, "eos_token_id", in: range) { return ends }
    }
    return try identifiers(text, "eos_token_id", in: range) ?? [2]
  }

  private static func identifiers(
    _ object: ConfigurationObject, _ name: String, in range: ClosedRange<Int>
  ) throws(CheckpointError) -> [Int32]? {
    guard let ids = try object.integers(name) else { return nil }
    guard ids.allSatisfy(range.contains) else {
      throw object.wrong(name, "below the vocabulary's \(range.upperBound + 1)")
    }
    return ids.map { Int32($0) }
  }
}
