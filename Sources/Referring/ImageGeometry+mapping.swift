/// Regions through the geometry, both ways.
extension ImageGeometry {
  /// From pixels of the original image to [0,1] of the model's square; not clamped.
  public func toModel(_ point: Point) -> Point {
    Point(
      x: (point.x + Double(canvasOffset.x)) / Double(canvas.width) * scaleX - shiftX,
      y: (point.y + Double(canvasOffset.y)) / Double(canvas.height) * scaleY - shiftY)
  }

  /// From [0,1] of the model's square to pixels of the original image; not clamped.
  public func toOriginal(_ point: Point) -> Point {
    Point(
      x: (point.x + shiftX) / scaleX * Double(canvas.width) - Double(canvasOffset.x),
      y: (point.y + shiftY) / scaleY * Double(canvas.height) - Double(canvasOffset.y))
  }

  /// A shape in pixels of the original image as the model sees it: in [0,1] of its square, what
  /// the model does not see cut off.
  /// - Throws: ``ReferringError``: `outsideModelView` if the model sees nothing of it; `badNumber`.
  public func toModel(_ shape: RegionShape) throws(ReferringError) -> RegionShape {
    try shape.checkNumbers()
    let mapped = shape.ordered.map { toModel($0) }
    if case .point(let point) = mapped, Self.almostUnit.contains(point) {
      return Box.unit.clamp(mapped)
    }
    guard let seen = Box.unit.clip(mapped) else {
      let picture = "a picture of \(original.width)×\(original.height) pixels"
      throw ReferringError(
        .outsideModelView,
        fit == .centerCrop
          ? "the \(shape) lies outside what the model sees: of \(picture) only the central square"
          : "the \(shape) lies outside what the model sees: \(picture)",
        remedy: fit == .centerCrop
          ? "The model sees \(visibleText); for more, crop the picture yourself" : "")
    }
    return seen
  }

  /// A shape in [0,1] of the model's square in pixels of the original image, every corner moved
  /// to the nearest point of the picture. A shape that lies in the padding becomes one without area
  /// on the picture's edge.
  public func toOriginal(_ shape: RegionShape) -> RegionShape {
    original.bounds.clamp(shape.map { toOriginal($0) })
  }

  /// The part of the original image that the model sees, in its pixels.
  public var visible: Box {
    let topLeft = original.bounds.clamp(toOriginal(Point(x: 0, y: 0)))
    let bottomRight = original.bounds.clamp(toOriginal(Point(x: 1, y: 1)))
    return Box(x1: topLeft.x, y1: topLeft.y, x2: bottomRight.x, y2: bottomRight.y)
  }

  /// A hair more than the square: a point on the crop's very edge must not fall to rounding.
  private static let almostUnit = Box(x1: -1e-9, y1: -1e-9, x2: 1 + 1e-9, y2: 1 + 1e-9)

  // The resized picture and the crop's begin, in sides of the model's square. For stretch and pads
  // these are exactly 1 and 0, so that a coordinate is one correctly rounded division.
  private var scaleX: Double { Double(resized.width) / Double(side) }
  private var scaleY: Double { Double(resized.height) / Double(side) }
  private var shiftX: Double { Double(cropOffset.x) / Double(side) }
  private var shiftY: Double { Double(cropOffset.y) / Double(side) }

  private var visibleText: String {
    let seen = visible
    // Coordinates lie in the picture, so they fit an Int.
    return "x \(Int(seen.x1.rounded(.up))) to \(Int(seen.x2)), "
      + "y \(Int(seen.y1.rounded(.up))) to \(Int(seen.y2))"
  }
}
