/// A conversation whose last question is to be answered: texts, the regions that they refer to,
/// and which images come into view where. It holds no pixels.
public struct ReferringQuery: Sendable, Equatable {
  /// Text put before the first turn.
  public var system: String?
  /// User and assistant in turn, user first and last.
  public var turns: [Turn]

  public init(system: String? = nil, turns: [Turn]) {
    self.system = system
    self.turns = turns
  }
}

/// What one side of the conversation said.
public struct Turn: Sendable, Equatable {
  public enum Role: String, Sendable, CaseIterable {
    case user, assistant
  }

  public var role: Role
  /// May hold `<region>` marks (``RegionMarks``). Nothing else in it is special.
  public var text: String
  public var regions: [Region]
  /// Indexes of the images first shown in this turn, in order. Only a user shows images.
  public var images: [Int]

  public init(role: Role, text: String, regions: [Region] = [], images: [Int] = []) {
    self.role = role
    self.text = text
    self.regions = regions
    self.images = images
  }
}
