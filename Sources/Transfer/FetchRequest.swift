/// What a member wants of a model that it does not have.

public import Checkpoints

public struct FetchRequest: Sendable {
  /// SHA-256 that identifies the model; 32 bytes.
  public var modelDigest: [UInt8]
  /// Where the coordinator describes the model; it has all tensors too.
  public var coordinator: TensorHolder
  /// Who may hold some.
  public var peers: [TensorHolder]
  /// The parts that are wanted: beginnings of canonical names.
  public var parts: @Sendable (ModelConfiguration) -> [String]

  public init(
    modelDigest: [UInt8], coordinator: TensorHolder, peers: [TensorHolder] = [],
    parts: @escaping @Sendable (ModelConfiguration) -> [String]
  ) {
    self.modelDigest = modelDigest
    self.coordinator = coordinator
    self.peers = peers
    self.parts = parts
  }
}

extension ModelConfiguration {
  /// The parts of a stage: its layers, before the first the embedding and the projector, behind the
  /// last the norm and the head.
  public func parts(ofLayers layers: Range<Int>) -> [String] {
    var parts = layers.map { "language_model.layers.\($0)." }
    let (isFirst, isLast) = (layers.lowerBound == 0, layers.upperBound == text.layers)
    if isFirst { parts.append("multi_modal_projector.") }
    if isFirst || isLast && text.tiedHead { parts.append("language_model.embed_tokens.") }
    if isLast {
      parts.append("language_model.norm.")
      if !text.tiedHead { parts.append("language_model.lm_head.") }
    }
    return parts
  }

  /// The parts of the vision encoder.
  public static let visionParts = ["vision_tower."]
}
