/// A place in an image, always with the frame that its numbers are in.
public struct Region: Sendable, Equatable {
  /// What the coordinates count: both are of the ORIGINAL image, never of the model's square.
  public enum Frame: String, Sendable, CaseIterable {
    /// Pixels from the top left corner, fractions allowed.
    case pixels
    /// Shares of the width and the height, [0,1].
    case normalized
  }

  public var shape: RegionShape
  public var frame: Frame
  /// Index of the image in the conversation.
  public var image: Int
  /// What a `<region:name>` mark calls it.
  public var name: String?

  public init(
    _ shape: RegionShape, frame: Frame = .pixels, image: Int = 0, name: String? = nil
  ) {
    self.shape = shape
    self.frame = frame
    self.image = image
    self.name = name
  }
}
