/// Width and height of a picture in whole pixels.
public struct ImageSize: Sendable, Equatable {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// The whole picture as a box in its own pixels.
  var bounds: Box { Box(x1: 0, y1: 0, x2: Double(width), y2: Double(height)) }

  /// Refuses what no picture can be.
  /// - Throws: ``ReferringError`` `badImageSize`.
  func checked() throws(ReferringError) {
    let allowed = 1...ReferringLimits.imageSidePixelsMax
    guard allowed.contains(width), allowed.contains(height) else {
      throw ReferringError(
        .badImageSize, "an image of \(width)×\(height) pixels is not possible here",
        remedy: "Width and height must be 1 to \(ReferringLimits.imageSidePixelsMax)")
    }
  }
}
