/// The shape of a region: a point, a box or a polygon.
public enum RegionShape: Sendable, Equatable {
  case point(Point)
  case box(Box)
  /// Corners in order, at least three; the last joins the first.
  case polygon([Point])

  /// The smallest box that holds the shape; nil for a polygon without corners.
  public var boundingBox: Box? {
    switch self {
    case .point(let point): Box(around: [point])
    case .box(let box): box.ordered
    case .polygon(let points): Box(around: points)
    }
  }

  /// The shape with each corner moved by `transform`, which must keep left left and top top.
  func map(_ transform: (Point) -> Point) -> RegionShape {
    switch self {
    case .point(let point): return .point(transform(point))
    case .polygon(let points): return .polygon(points.map(transform))
    case .box(let box):
      let topLeft = transform(Point(x: box.x1, y: box.y1))
      let bottomRight = transform(Point(x: box.x2, y: box.y2))
      return .box(Box(x1: topLeft.x, y1: topLeft.y, x2: bottomRight.x, y2: bottomRight.y))
    }
  }

  /// The numbers in writing order.
  var coordinates: [Double] {
    switch self {
    case .point(let point): [point.x, point.y]
    case .box(let box): [box.x1, box.y1, box.x2, box.y2]
    case .polygon(let points): points.flatMap { [$0.x, $0.y] }
    }
  }
}

extension RegionShape: CustomStringConvertible {
  /// As a message names it: `box 10,20,110,140`.
  public var description: String {
    let numbers = coordinates.prefix(8).map(Self.brief).joined(separator: ",")
    let rest = coordinates.count > 8 ? ",…" : ""
    switch self {
    case .point: return "point \(numbers)"
    case .box: return "box \(numbers)"
    case .polygon: return "polygon \(numbers)\(rest)"
    }
  }

  /// A whole number without its `.0`.
  private static func brief(_ value: Double) -> String {
    guard let whole = Int(exactly: value), abs(value) < 1e15 else { return "\(value)" }
    return "\(whole)"
  }
}
