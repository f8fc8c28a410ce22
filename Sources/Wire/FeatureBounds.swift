/// What stage 0 knows of the vision encoder, and holds image features against.
public struct FeatureBounds: Sendable, Equatable {
  /// Width of the vision encoder's hidden state.
  public var width: Int
  /// The most patches of an image.
  public var rowsMax: Int

  /// Bounds of one model; both are positive.
  public init(width: Int, rowsMax: Int) {
    precondition(width > 0 && rowsMax > 0, "feature bounds are positive")
    self.width = width
    self.rowsMax = rowsMax
  }
}

/// Holds image features against the model.
/// - Throws: `WireFault` where their shape is not [1...rowsMax, width].
public func check(_ features: ImageFeatures, against bounds: FeatureBounds) throws(WireFault) {
  let check = FieldCheck(ImageFeatures.messageName, .standard)
  let shape = features.features.shape
  try check.that(
    shape.count == 2 && shape[1] == bounds.width && (1...bounds.rowsMax).contains(shape[0]),
    "features", "has the shape \(shape), not [1...\(bounds.rowsMax), \(bounds.width)]")
}
