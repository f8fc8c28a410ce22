/// An upright rectangle given by two opposite corners, `(x1, y1)` top left and `(x2, y2)` bottom
/// right once it is ``ordered``.
public struct Box: Sendable, Equatable {
  public var x1: Double
  public var y1: Double
  public var x2: Double
  public var y2: Double

  public init(x1: Double, y1: Double, x2: Double, y2: Double) {
    self.x1 = x1
    self.y1 = y1
    self.x2 = x2
    self.y2 = y2
  }

  /// The smallest box that holds all the points; nil without points.
  public init?(around points: [Point]) {
    guard let first = points.first else { return nil }
    self.init(x1: first.x, y1: first.y, x2: first.x, y2: first.y)
    for point in points.dropFirst() {
      x1 = min(x1, point.x)
      y1 = min(y1, point.y)
      x2 = max(x2, point.x)
      y2 = max(y2, point.y)
    }
  }

  /// The same rectangle with reversed corners put right: x1 ≤ x2, y1 ≤ y2.
  public var ordered: Box {
    Box(x1: min(x1, x2), y1: min(y1, y2), x2: max(x1, x2), y2: max(y1, y2))
  }

  /// The square that a model sees, [0,1] in both directions.
  public static let unit = Box(x1: 0, y1: 0, x2: 1, y2: 1)
}
