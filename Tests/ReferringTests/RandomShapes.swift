import Referring

/// SplitMix64: the same numbers on every machine.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func point(in box: Box) -> Point {
    Point(
      x: .random(in: box.x1...box.x2, using: &self), y: .random(in: box.y1...box.y2, using: &self))
  }

  /// A point, a box or a polygon inside a box.
  mutating func shape(in box: Box) -> RegionShape {
    switch Int.random(in: 0..<3, using: &self) {
    case 0: .point(point(in: box))
    case 1: .box(Box(around: [point(in: box), point(in: box)]) ?? box)
    default: .polygon((0..<Int.random(in: 3...8, using: &self)).map { _ in point(in: box) })
    }
  }

  /// A picture's size; one in three is very thin.
  mutating func size() -> ImageSize {
    switch Int.random(in: 0..<6, using: &self) {
    case 0: ImageSize(width: .random(in: 1...3, using: &self), height: 5000)
    case 1: ImageSize(width: 30_000, height: .random(in: 1...7, using: &self))
    default:
      ImageSize(
        width: .random(in: 1...700, using: &self), height: .random(in: 1...700, using: &self))
    }
  }
}

extension RegionShape {
  var corners: [Point] {
    switch self {
    case .point(let point): [point]
    case .box(let box): [Point(x: box.x1, y: box.y1), Point(x: box.x2, y: box.y2)]
    case .polygon(let points): points
    }
  }

  /// Whether every corner is within the given distance of the other's, per axis.
  func isClose(to other: RegionShape, x: Double, y: Double) -> Bool {
    guard corners.count == other.corners.count else { return false }
    return zip(corners, other.corners).allSatisfy { abs($0.x - $1.x) <= x && abs($0.y - $1.y) <= y }
  }
}

/// The code of the error that the body throws; nil if it throws none.
func errorCode(_ body: () throws(ReferringError) -> Void) -> ReferringError.Code? {
  do {
    try body()
    return nil
  } catch {
    return error.code
  }
}

/// The whole text of the error that the body throws.
func errorText(_ body: () throws(ReferringError) -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return error.description
  }
}
