/// What the coordinator knows of the model: everything but its weights.

public import Checkpoints
public import Foundation
internal import Imaging
internal import Referring
internal import Tokenizing

/// A checkpoint as the coordinator sees it: how prompts are written, how images are placed, what
/// layers cost.
public struct ServedModel: Sendable {
  let configuration: ModelConfiguration
  let tokenizer: Tokenizer
  let rendering: PromptRendering
  let fit: ImageGeometry.Fit
  /// What the shorter edge is resized to before a centre crop.
  let shortestEdge: Int?
  let system: String?
  /// Token positions that an image takes.
  let imageRows: Int
  let layerWeights: [LayerCost]
  public let digest: [UInt8]
  public let directory: URL

  var notation: Notation { rendering.notation }
  var imageSide: Int { configuration.vision.imageSide }

  /// Opens a checkpoint and its tokeniser. Throws the error of the room whose file is wrong.
  public init(directory: URL) throws { try self.init(Checkpoint(at: directory)) }

  /// Opens what the coordinator needs of a checkpoint. Throws the error of the room whose file is
  /// wrong.
  public init(_ checkpoint: Checkpoint) throws {
    directory = checkpoint.location
    configuration = checkpoint.configuration
    tokenizer = try Tokenizer(of: checkpoint)
    let profile = checkpoint.profile
    rendering = PromptRendering(
      notation: try Notation.named(profile.notation), template: try Self.template(checkpoint))
    system = profile.system
    let (json, file) = try checkpoint.preprocessorFile()
    let preprocessor = try PreprocessorConfiguration(json: json, file: file)
    fit =
      if let name = profile.geometry { try ImageGeometry.Fit.named(name) } else {
        preprocessor.fit
      }
    if case .shortestEdge(let edge)? = preprocessor.resize, fit == .centerCrop {
      shortestEdge = edge
    } else {
      shortestEdge = nil
    }
    imageRows = try ProjectorLayout(
      of: checkpoint.weights("multi_modal_projector"), configuration: checkpoint.configuration
    ).rows
    layerWeights = checkpoint.layerCosts
    digest = try checkpoint.digest()
    try checkVocabulary()
  }

  /// The geometry of an image that is shown `width` × `height` pixels large.
  func geometry(width: Int, height: Int) throws(ReferringError) -> ImageGeometry {
    try ImageGeometry(
      fit: fit, original: ImageSize(width: width, height: height), side: imageSide,
      shortestEdge: shortestEdge)
  }

  /// What the profile names, or else the chat template amounts to; Vicuna's where neither speaks.
  private static func template(_ checkpoint: Checkpoint) throws -> ConversationTemplate {
    if let name = checkpoint.profile.template { return try ConversationTemplate.named(name) }
    guard let program = try checkpoint.chatTemplate else { return .vicuna }
    return try ConversationTemplate.recognized(in: program)
  }

  private func checkVocabulary() throws(CoordinatorError) {
    let vocabulary = configuration.text.vocabulary
    guard tokenizer.vocabularySize <= vocabulary else {
      throw CoordinatorError(
        .configuration,
        "\(directory.path): the tokeniser has \(tokenizer.vocabularySize) pieces, "
          + "config.json a vocabulary of \(vocabulary)",
        remedy: "The tokenizer belongs to another model")
    }
  }
}

extension Checkpoint {
  /// What each decoder layer costs, ends included; memory without KV blocks.
  var layerCosts: [LayerCost] {
    let text = configuration.text
    var costs = (0..<text.layers).map { layer in
      let bytes = byteCount(prefix: "language_model.layers.\(layer).")
      return LayerCost(workBytes: bytes, memoryBytes: bytes)
    }
    let embedding = byteCount(prefix: "language_model.embed_tokens.")
    let projector = byteCount(prefix: "multi_modal_projector.")
    let head = text.tiedHead ? embedding : byteCount(prefix: "language_model.lm_head.")
    costs[0].workBytes += embedding / max(1, text.vocabulary) + projector
    costs[0].memoryBytes += embedding + projector
    costs[text.layers - 1].workBytes += head
    costs[text.layers - 1].memoryBytes += head
    return costs
  }
}

extension PreprocessorConfiguration {
  /// The fit that this configuration amounts to.
  var fit: ImageGeometry.Fit {
    if padsToSquare { return .centerPad }
    if case .shortestEdge? = resize { return .centerCrop }
    return .stretch
  }
}
