/// From shapes in [0,1] of the model's square to text.
extension Notation {
  /// One region as the model was trained to read it. Coordinates are clamped to [0,1]; the
  /// decimal sign is a point whatever the locale.
  public func format(_ shape: RegionShape) -> String {
    let shape = written(shape)
    let wrapper = wrapper(of: shape)
    return wrapper.open + bracket.open + numbers(of: shape) + bracket.close + wrapper.close
  }

  /// Several regions that stand together; empty without regions.
  public func format(_ shapes: [RegionShape]) -> String {
    switch several {
    case .joined(let joiner):
      return shapes.map { format($0) }.joined(separator: joiner)
    case .inOneBracket(let joiner):
      guard let first = shapes.first else { return "" }
      let wrapper = wrapper(of: written(first))
      let inside = shapes.map { numbers(of: written($0)) }.joined(separator: joiner)
      return wrapper.open + bracket.open + inside + bracket.close + wrapper.close
    }
  }

  /// The shape that stands for this one: the bounding box of a polygon that the model cannot read.
  private func written(_ shape: RegionShape) -> RegionShape {
    guard case .polygon = shape, polygon == nil, let box = shape.boundingBox else { return shape }
    return .box(box)
  }

  private func wrapper(of shape: RegionShape) -> Wrapper {
    switch shape {
    case .point: point
    case .box: box
    case .polygon: polygon ?? box
    }
  }

  private func numbers(of shape: RegionShape) -> String {
    shape.coordinates.map(number).joined(separator: separator)
  }

  /// One coordinate. A value that is not a number becomes 0, as nothing else could be read back.
  private func number(_ coordinate: Double) -> String {
    let value = coordinate > 0 ? min(coordinate, 1) : 0
    switch digits {
    case .truncated:
      return String(Int(value * Double(scale)))
    case .decimals(let count):
      let unit = Self.powersOfTen[count]
      let scaled = Self.roundedProduct(value, scale * unit)
      guard count > 0 else { return String(scaled) }
      let fraction = String(scaled % unit)
      let zeros = String(repeating: "0", count: count - fraction.utf8.count)
      return "\(scaled / unit).\(zeros)\(fraction)"
    }
  }

  /// `value × factor` of the exact binary value, rounded once to the nearest whole number, ties
  /// to even. A product rounded to Double first would turn 0.285 (really 0.28499…) into 0.29.
  private static func roundedProduct(_ value: Double, _ factor: Int) -> Int {
    let factor = Double(factor)
    let product = value * factor
    // What the rounding of the product lost, exactly.
    let lost = (-product).addingProduct(value, factor)
    let below = product.rounded(.down)
    let half = product - below - 0.5
    let whole = Int(below)
    if half != 0 { return half > 0 ? whole + 1 : whole }
    if lost != 0 { return lost > 0 ? whole + 1 : whole }
    return whole.isMultiple(of: 2) ? whole : whole + 1
  }
}
