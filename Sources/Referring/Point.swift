/// A place without extent: pixels of the original image, or [0,1] of a square, as its owner says.
///
/// Coordinates are continuous: pixel column `i` covers `i ..< i + 1`, so the right edge of a
/// picture 112 pixels wide is x = 112.
public struct Point: Sendable, Equatable {
  public var x: Double
  public var y: Double

  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}
