/// From a referring query to a prompt: regions are checked, sent through the geometry of their
/// image, written in the model's notation where their marks stand, and the template is put around.
///
/// Images stand first in the turn that shows them.
public struct PromptRendering: Sendable, Equatable {
  public let notation: Notation
  public let template: ConversationTemplate

  public init(notation: Notation, template: ConversationTemplate) {
    self.notation = notation
    self.template = template
  }

  /// The prompt of a query; the model's answer goes on where it ends.
  /// - Parameter images: the geometry of each image of the conversation, by index.
  /// - Throws: ``ReferringError`` for everything that is wrong with the query; it names the turn
  ///   and the region if there are several.
  public func render(
    _ query: ReferringQuery, images: [ImageGeometry]
  ) throws(ReferringError) -> [PromptPiece] {
    try query.validate()
    var pieces = template.opening
    var system: [PromptPiece] = []
    if let text = query.system, !text.isEmpty {
      system = template.beforeSystem + [.text(text)] + template.afterSystem
    }
    if !template.hasSystemInTurn { pieces.append(system) }
    for (number, turn) in query.turns.enumerated() {
      let inTurn = number == 0 && template.hasSystemInTurn ? system : []
      do throws(ReferringError) {
        try append(turn, system: inTurn, images: images, to: &pieces)
      } catch {
        throw query.turns.count == 1 ? error : error.about("turn \(number + 1)")
      }
    }
    return pieces
  }

  private func append(
    _ turn: Turn, system: [PromptPiece], images: [ImageGeometry], to pieces: inout [PromptPiece]
  ) throws(ReferringError) {
    let text = try text(of: turn, images: images)
    switch turn.role {
    case .user:
      pieces.append(template.beforeQuestion + system)
      for image in turn.images {
        guard images.indices.contains(image) else { throw Self.noImage(image, of: images.count) }
        pieces.append(template.beforeImage + [.image(image)] + template.afterImage)
      }
      pieces.append([.text(text)] + template.afterQuestion)
    case .assistant:
      pieces.append(template.beforeAnswer + [.text(text)] + template.afterAnswer)
    }
  }

  /// The turn's text with its regions written in. What the assistant said without regions given
  /// is the model's own text, in which a mark would be mere letters.
  private func text(of turn: Turn, images: [ImageGeometry]) throws(ReferringError) -> String {
    if turn.role == .assistant, turn.regions.isEmpty { return turn.text }
    var shapes: [RegionShape] = []
    for (number, region) in turn.regions.enumerated() {
      do throws(ReferringError) {
        shapes.append(try shape(of: region, images: images))
      } catch {
        throw turn.regions.count == 1 ? error : error.about("region \(number + 1)")
      }
    }
    return try RegionMarks(in: turn.text).place(turn.regions).map { part in
      switch part {
      case .text(let text): text
      case .regions(let indexes): notation.format(indexes.map { shapes[$0] })
      }
    }.joined()
  }

  private func shape(
    of region: Region, images: [ImageGeometry]
  ) throws(ReferringError) -> RegionShape {
    guard images.indices.contains(region.image) else {
      throw Self.noImage(region.image, of: images.count)
    }
    let geometry = images[region.image]
    return try geometry.toModel(region.validated(in: geometry.original).shape)
  }

  private static func noImage(_ index: Int, of count: Int) -> ReferringError {
    ReferringError(
      .badImageIndex, "there is no image \(index): the query has \(count)",
      remedy: "Images are counted from 0")
  }
}
