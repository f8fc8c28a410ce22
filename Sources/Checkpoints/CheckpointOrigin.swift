/// Whose files a checkpoint consists of, for people.

public import Foundation

public struct CheckpointOrigin: Sendable, Equatable, CustomStringConvertible {
  /// Whose program laid it out.
  public enum Layout: String, Sendable {
    /// Hugging Face's llava-hf: every part is described in `config.json`.
    case llavaHF = "llava-hf"
    /// LLaVA's own: the decoder's fields, and `mm_…` for the rest.
    case llava = "LLaVA"
    /// Merlin's: the decoder's fields alone.
    case merlin = "Merlin"
    /// A Llama decoder without vision.
    case llama = "Llama"
    case gguf = "GGUF"
    /// Files of their own for each tensor.
    case fetched = "fetched"
  }

  public var layout: Layout
  /// How the weights are stored, such as "2 pickled files".
  public var weights: String
  /// The directory of a vision encoder that has one of its own.
  public var visionTower: URL?

  public var description: String {
    let tower = visionTower.map { ", vision encoder in \($0.path)" } ?? ""
    return "\(layout.rawValue), \(weights)\(tower)"
  }
}

extension CheckpointOrigin.Layout {
  /// The layout that a directory's `config.json` shows. Throws `.configuration`, `.unsupported`.
  init(of config: ConfigurationObject) throws(CheckpointError) {
    switch try config.string("model_type") {
    case "llava" where config.has("text_config") || !config.has("mm_vision_tower"):
      self = .llavaHF
    case "llava", "llava_llama": self = .llava
    case "mmgpt": self = .merlin
    case "llama": self = .llama
    case let type:
      throw CheckpointError(
        .unsupported, "\(config.file): the model is of type \"\(type)\"",
        remedy: "Models of type llava, as Hugging Face's llava-hf checkpoints and LLaVA's own are, "
          + "mmgpt (Merlin) and llama are served")
    }
  }
}
