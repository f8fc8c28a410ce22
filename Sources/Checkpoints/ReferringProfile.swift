/// What Hugging Face's configs have no place for: how a model family writes regions and turns,
/// and how its weights are to be held.

public import Compute

/// The side file `chatspot.json` of a checkpoint's directory; beside NAME.gguf it may be called
/// `NAME.chatspot.json`. Every field may be absent.
///
///     { "notation": "mini", "geometry": "centre-crop", "template": "vicuna-v1.1", "system": "",
///       "weights": "q8_0" }
public struct ReferringProfile: Sendable, Equatable {
  /// The side file's name.
  public static let fileName = "chatspot.json"

  /// How regions are written: chatspot, merlin, shikra, llava or mini.
  public let notation: String
  /// How an image is brought to the model's square: stretch, centre-pad, top-left-pad or
  /// centre-crop. Nil leaves it to `preprocessor_config.json`.
  public let geometry: String?
  /// How turns are written, such as vicuna-v1.1. Nil leaves it to the chat template of a GGUF file;
  /// where there is none it is Vicuna's.
  public let template: String?
  /// Text before the first turn, where a query has none of its own.
  public let system: String?
  /// What decoder layers are brought to when they are loaded, where the operator does not say: f32,
  /// f16, bf16, q8_0 or q4_0. Nil maps them as stored.
  public let weightFormat: WeightFormat?

  init(_ files: CheckpointFiles) throws(CheckpointError) {
    let object =
      files.has(Self.fileName)
      ? try files.object(Self.fileName)
      : ConfigurationObject(file: Self.fileName, path: "", fields: [:])
    notation = try object.string("notation", default: "llava")
    template = object.has("template") ? try object.string("template") : nil
    geometry = object.has("geometry") ? try object.string("geometry") : nil
    system = object.has("system") ? try object.string("system") : nil
    weightFormat = try Self.weightFormat(object)
  }

  private static func weightFormat(
    _ object: ConfigurationObject
  ) throws(CheckpointError) -> WeightFormat? {
    guard object.has("weights") else { return nil }
    guard let format = WeightFormat(target: try object.string("weights")) else {
      throw object.wrong("weights", "one of \(WeightFormat.targetNames)")
    }
    return format
  }
}
