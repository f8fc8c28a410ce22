/// A picture as 8-bit RGB, upright.
public struct PixelImage: Sendable, Equatable {
  /// In pixels; both at least 1.
  public let width: Int
  public let height: Int
  /// Red, green, blue of each pixel, row after row. `[height, width, 3]`
  public let rgb: [UInt8]

  /// `rgb` must hold `width × height × 3` bytes.
  public init(width: Int, height: Int, rgb: [UInt8]) {
    precondition(width > 0 && height > 0, "a picture has at least one pixel")
    precondition(rgb.count == width * height * 3, "[height, width, 3] bytes are needed")
    self.width = width
    self.height = height
    self.rgb = rgb
  }
}
