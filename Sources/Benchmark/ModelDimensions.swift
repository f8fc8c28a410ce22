/// Models that are measured without their weights.

public import Checkpoints

/// Well-known dimensions of Llama decoders.
public enum ModelDimensions: String, Sendable, CaseIterable {
  /// TinyLlama.
  case billion1 = "1.1b"
  /// Llama 2 and Vicuna 7B.
  case billion7 = "7b"
  /// Llama 2 and Vicuna 13B.
  case billion13 = "13b"

  public var text: TextConfiguration {
    switch self {
    case .billion1:
      TextConfiguration(hidden: 2048, intermediate: 5632, layers: 22, heads: 32, kvHeads: 4)
    case .billion7:
      TextConfiguration(hidden: 4096, intermediate: 11008, layers: 32, heads: 32, kvHeads: 32)
    case .billion13:
      TextConfiguration(hidden: 5120, intermediate: 13824, layers: 40, heads: 40, kvHeads: 40)
    }
  }
}
