/// What of a point, a box or a polygon lies inside a box.
extension Box {
  /// Whether the point is inside or on the edge.
  func contains(_ point: Point) -> Bool {
    point.x >= x1 && point.x <= x2 && point.y >= y1 && point.y <= y2
  }

  /// The nearest point inside.
  func clamp(_ point: Point) -> Point {
    Point(x: min(max(point.x, x1), x2), y: min(max(point.y, y1), y2))
  }

  /// The shape with every corner moved to the nearest point inside.
  func clamp(_ shape: RegionShape) -> RegionShape { shape.map(clamp) }

  /// The common part; nil if it has no area.
  func intersection(_ other: Box) -> Box? {
    let common = Box(
      x1: max(x1, other.x1), y1: max(y1, other.y1), x2: min(x2, other.x2), y2: min(y2, other.y2))
    return common.x1 < common.x2 && common.y1 < common.y2 ? common : nil
  }

  /// The part of the shape inside this box: all of it as it is if it lies inside already; nil if
  /// nothing, or nothing with area, is left of it.
  func clip(_ shape: RegionShape) -> RegionShape? {
    switch shape {
    case .point(let point):
      return contains(point) ? shape : nil
    case .box(let box):
      let corners = [Point(x: box.x1, y: box.y1), Point(x: box.x2, y: box.y2)]
      return corners.allSatisfy(contains) ? shape : intersection(box).map { .box($0) }
    case .polygon(let points):
      return points.allSatisfy(contains) ? shape : cut(points).map { .polygon($0) }
    }
  }

  /// The part of a polygon inside this box, by cutting at one edge after another (Sutherland and
  /// Hodgman 1974). Of a concave one that leaves the box in several places, the parts stay joined
  /// along the edge.
  private func cut(_ polygon: [Point]) -> [Point]? {
    var points = polygon
    points = Self.cut(points) { $0.x - x1 }
    points = Self.cut(points) { x2 - $0.x }
    points = Self.cut(points) { $0.y - y1 }
    points = Self.cut(points) { y2 - $0.y }
    var distinct: [Point] = []
    for point in points.map(clamp) where point != distinct.last { distinct.append(point) }
    if distinct.count > 1, distinct.first == distinct.last { distinct.removeLast() }
    return Self.hasArea(distinct) ? distinct : nil
  }

  /// Keeps the side of a line where `distance` is not negative.
  private static func cut(_ polygon: [Point], distance: (Point) -> Double) -> [Point] {
    guard var previous = polygon.last else { return [] }
    var before = distance(previous)
    var kept: [Point] = []
    for point in polygon {
      let here = distance(point)
      if (before >= 0) != (here >= 0) {
        let share = before / (before - here)
        kept.append(
          Point(
            x: previous.x + share * (point.x - previous.x),
            y: previous.y + share * (point.y - previous.y)))
      }
      if here >= 0 { kept.append(point) }
      previous = point
      before = here
    }
    return kept
  }

  /// Whether the points do not all lie on one line.
  static func hasArea(_ points: [Point]) -> Bool {
    guard let origin = points.first, let other = points.first(where: { $0 != origin }) else {
      return false
    }
    let along = Point(x: other.x - origin.x, y: other.y - origin.y)
    return points.contains { point in
      along.x * (point.y - origin.y) != along.y * (point.x - origin.x)
    }
  }
}
