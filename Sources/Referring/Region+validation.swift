/// From a region as somebody gave it to one that can be drawn.
extension Region {
  /// The region in pixels of a picture of this size.
  ///
  /// Reversed corners of a box are put right. What stands out of the picture is cut off (a polygon
  /// is cut along the edge and may gain corners). A region that touches the picture's edge from
  /// outside is outside.
  /// - Throws: ``ReferringError``: `badNumber` for NaN, infinite or absurdly large coordinates;
  ///   `emptyRegion` for a box or polygon without area; `wrongNumberCount` or `limit` for a polygon
  ///   with too few or too many corners; `outsideImage`; `badImageSize`.
  public func validated(in size: ImageSize) throws(ReferringError) -> Region {
    try size.checked()
    if case .polygon(let points) = shape { try RegionShape.checkCount(of: points) }
    try shape.checkNumbers()
    let pixels =
      switch frame {
      case .pixels: shape.ordered
      case .normalized:
        shape.ordered.map { Point(x: $0.x * Double(size.width), y: $0.y * Double(size.height)) }
      }
    try checkArea(of: pixels)
    guard let inside = size.bounds.clip(pixels) else { throw outside(size) }
    return Region(inside, frame: .pixels, image: image, name: name)
  }

  private func checkArea(of pixels: RegionShape) throws(ReferringError) {
    switch pixels {
    case .point: return
    case .box(let box):
      guard box.x1 < box.x2, box.y1 < box.y2 else {
        let missing = box.x1 < box.x2 ? "height" : "width"
        throw ReferringError(.emptyRegion, "the \(shape) has no \(missing)", remedy: "Use a point")
      }
    case .polygon(let points):
      guard Box.hasArea(points) else {
        throw ReferringError(
          .emptyRegion, "all corners of the \(shape) lie on one line",
          remedy: "Use a point or a box")
      }
    }
  }

  private func outside(_ size: ImageSize) -> ReferringError {
    let remedy =
      switch frame {
      case .pixels: "Give pixels of the original image, x 0 to \(size.width), y 0 to \(size.height)"
      case .normalized: "Normalised coordinates lie between 0 and 1"
      }
    return ReferringError(
      .outsideImage,
      "the \(shape) lies wholly outside the picture of \(size.width)×\(size.height) pixels",
      remedy: remedy)
  }
}

extension RegionShape {
  /// A box with its corners put right; other shapes as they are.
  var ordered: RegionShape { if case .box(let box) = self { .box(box.ordered) } else { self } }

  /// Refuses NaN, infinities and absurdly large coordinates.
  func checkNumbers() throws(ReferringError) {
    for value in coordinates where !value.isFinite {
      throw ReferringError(
        .badNumber, "the \(self) has a coordinate that is not a finite number: \(value)")
    }
    for value in coordinates where abs(value) > ReferringLimits.coordinateMax {
      throw ReferringError(
        .badNumber, "the \(self) has a coordinate beyond \(ReferringLimits.coordinateMax)")
    }
  }
}
