/// How an image is brought to the model's square.
public enum WireFit: UInt32, Sendable, CaseIterable {
  /// Both edges are scaled to the square's, each by its own factor.
  case stretch = 1
  /// Padded to a square around the image's centre, then scaled.
  case centerPad = 2
  /// Padded to a square at the right and the bottom, then scaled.
  case topLeftPad = 3
  /// Scaled by its shorter edge, then cropped around the centre.
  case centerCrop = 4
}
