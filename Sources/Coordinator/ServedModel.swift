/// What the coordinator knows of the model: everything but its weights.

public import Checkpoints
internal import Compute
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
  let checkpoint: Checkpoint
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
    notationName = profile.notation
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
    self.checkpoint = checkpoint
    digest = try checkpoint.digest()
    try checkVocabulary()
  }

  /// The last part of the directory's name.
  public var name: String { directory.lastPathComponent }

  /// Positions that one sequence may have.
  public var contextTokens: Int { configuration.text.contextMax }

  /// How the model writes regions, such as "chatspot".
  public let notationName: String

  /// Token ids of a text. Nothing in it becomes a control token; `addsSpecial` puts the token that
  /// begins a sequence before it.
  public func tokenize(_ text: String, addsSpecial: Bool) -> [Int32] {
    let beginning = addsSpecial ? tokenizer.beginningOfSequence : nil
    return (beginning.map { [$0] } ?? []) + tokenizer.encode(text, atStart: true)
  }

  /// The text of token ids; control tokens, and ids that the model does not have, are left out.
  public func detokenize(_ tokens: [Int32]) -> String { tokenizer.decode(tokens) }

  /// Bytes that an image takes at stage 0: its features, and the same projected.
  var featureBytes: Int {
    let features = configuration.featureRows * configuration.featureWidth
    return 4 * (features + imageRows * configuration.text.hidden)
  }

  /// How matrices are held where the operator does not say; nil is as they are stored.
  var defaultWeights: WeightFormat? { checkpoint.profile.weightFormat }

  /// What each decoder layer costs with matrices held in a format; memory without KV blocks.
  func layerCosts(heldAs format: WeightFormat?) -> [LayerCost] {
    checkpoint.layerCosts(heldAs: format)
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
  func layerCosts(heldAs format: WeightFormat?) -> [LayerCost] {
    let text = configuration.text
    let byteCount = { (prefix: String) in heldByteCount(prefix: prefix, as: format) }
    var costs = (0..<text.layers).map { layer in
      let bytes = byteCount("language_model.layers.\(layer).")
      return LayerCost(workBytes: bytes, memoryBytes: bytes)
    }
    let embedding = byteCount("language_model.embed_tokens.")
    let projector = heldByteCount(prefix: "multi_modal_projector.", as: nil)
    let head = text.tiedHead ? embedding : byteCount("language_model.lm_head.")
    costs[0].workBytes += embedding / max(1, text.vocabulary) + projector
    costs[0].memoryBytes += embedding + projector
    // Every row of a step passes all layers; most rows of a prompt need no logits.
    costs[text.layers - 1].workBytes += head / 2
    costs[text.layers - 1].memoryBytes += head
    return costs
  }

  /// Bytes of all tensors whose names begin with `prefix`, held in a format as far as they can be.
  private func heldByteCount(prefix: String, as format: WeightFormat?) -> Int {
    guard let format else { return byteCount(prefix: prefix) }
    return tensorNames.reduce(0) { sum, name in
      guard name.hasPrefix(prefix), let tensor = describe(name) else { return sum }
      let held = format.held(name, shape: tensor.shape, storedAs: tensor.format) ?? tensor.format
      return sum + tensor.shape.reduce(1, *) / held.blockElements * held.blockBytes
    }
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
