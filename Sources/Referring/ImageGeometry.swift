/// The transform from the original image to the model's input square. Pixels and regions go
/// through the same value, so a box cannot end up in another frame than its picture.
///
/// The way of a picture: it is pasted into the ``canvas`` at ``canvasOffset``; the canvas is
/// resampled to ``resized``, each axis on its own; of that, the square of ``side`` × ``side``
/// whose top left stands at ``cropOffset`` is what the model sees. Where that square reaches
/// over the resized picture (a negative offset) it is filled with zeros.
///
/// Sources: LLaVA's `expand2square` for the centre pad; Hugging Face's
/// `get_resize_output_image_size` and `center_crop` for the centre crop.
public struct ImageGeometry: Sendable, Equatable {
  /// How a picture that is not square becomes one.
  public enum Fit: String, Sendable, CaseIterable {
    /// Both sides are resized to the square, whatever the aspect.
    case stretch
    /// The picture is padded to a square, half on each side, then resized.
    case centerPad = "centre-pad"
    /// The picture is padded to a square at the right or at the bottom, then resized.
    case topLeftPad = "top-left-pad"
    /// The shortest edge is resized, then the middle is cut out. What is outside is not seen.
    case centerCrop = "centre-crop"

    /// The fit of this name.
    /// - Throws: ``ReferringError`` `unknownName`.
    public static func named(_ name: String) throws(ReferringError) -> Fit {
      guard let fit = Fit(rawValue: name) else {
        let names = allCases.map(\.rawValue).joined(separator: ", ")
        throw ReferringError(
          .unknownName, "there is no image fit \"\(name.prefix(40))\"",
          remedy: "Use one of \(names)")
      }
      return fit
    }
  }

  /// Whole pixels from a top left corner.
  public struct Offset: Sendable, Equatable {
    public let x: Int
    public let y: Int
  }

  public let fit: Fit
  public let original: ImageSize
  /// Side of the square that the model sees, in pixels.
  public let side: Int
  /// What the shortest edge is resized to before the crop; `side` for the other fits.
  public let shortestEdge: Int
  /// What is resampled: the original, or for the pads a square of its longer side.
  public let canvas: ImageSize
  /// Where the original's top left corner stands in the canvas; the smaller half comes first.
  public let canvasOffset: Offset
  /// The canvas after resampling.
  public let resized: ImageSize
  /// Where the model's square begins in the resized picture; negative where that is smaller.
  public let cropOffset: Offset

  /// - Parameters:
  ///   - original: size of the picture after its orientation was applied.
  ///   - side: side of the model's square in pixels.
  ///   - shortestEdge: resize edge of the centre crop, `side` if nil; the other fits ignore it.
  /// - Throws: ``ReferringError`` `badImageSize`.
  public init(
    fit: Fit, original: ImageSize, side: Int, shortestEdge: Int? = nil
  ) throws(ReferringError) {
    try original.checked()
    let edge = fit == .centerCrop ? shortestEdge ?? side : side
    let allowed = 1...ReferringLimits.modelSidePixelsMax
    guard allowed.contains(side), allowed.contains(edge) else {
      throw ReferringError(
        .badImageSize, "a model square of \(side) pixels with resize edge \(edge) is not possible",
        remedy: "Both must be 1 to \(ReferringLimits.modelSidePixelsMax)")
    }
    self.fit = fit
    self.original = original
    self.side = side
    self.shortestEdge = edge

    let longer = max(original.width, original.height)
    switch fit {
    case .stretch, .centerCrop:
      canvas = original
      canvasOffset = Offset(x: 0, y: 0)
    case .topLeftPad:
      canvas = ImageSize(width: longer, height: longer)
      canvasOffset = Offset(x: 0, y: 0)
    case .centerPad:
      canvas = ImageSize(width: longer, height: longer)
      canvasOffset = Offset(
        x: (longer - original.width) / 2, y: (longer - original.height) / 2)
    }

    guard fit == .centerCrop else {
      resized = ImageSize(width: side, height: side)
      cropOffset = Offset(x: 0, y: 0)
      return
    }
    let shorter = min(original.width, original.height)
    // The limits keep the product far from overflow; long ≥ short keeps the result ≥ edge.
    let longEdge = longer * edge / shorter
    resized =
      original.width <= original.height
      ? ImageSize(width: edge, height: longEdge) : ImageSize(width: longEdge, height: edge)
    // An arithmetic shift halves towards minus infinity, as Python's // does.
    cropOffset = Offset(x: (resized.width - side) >> 1, y: (resized.height - side) >> 1)
  }
}
