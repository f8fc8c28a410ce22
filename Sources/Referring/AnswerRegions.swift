/// Regions in a model's answer, in pixels of the original image.
public struct AnswerRegion: Sendable, Equatable {
  /// In pixels, clamped to the picture.
  public let region: Region
  /// As the model wrote it: its text, where that stands, track and frame.
  public let found: FoundRegion

  /// Exactly what the model wrote.
  public var text: String { found.text }
}

/// From an answer's text to regions.
public enum AnswerRegions {
  /// The regions in an answer about one image.
  /// - Parameter image: the index that the regions are given.
  public static func find(
    in answer: String, notation: Notation, geometry: ImageGeometry, image: Int = 0
  ) -> [AnswerRegion] {
    notation.parse(answer).map { found in
      AnswerRegion(
        region: Region(geometry.toOriginal(found.shape), frame: .pixels, image: image),
        found: found)
    }
  }

  /// The regions in an answer about several images: `Frame1:` means the first, and so on; a region
  /// without a frame, or with one that is not there, is in `defaultImage`.
  /// - Returns: none if there are no images.
  public static func find(
    in answer: String, notation: Notation, images: [ImageGeometry], defaultImage: Int = 0
  ) -> [AnswerRegion] {
    guard images.indices.contains(defaultImage) else { return [] }
    return notation.parse(answer).map { found in
      let framed = found.frame.map { $0 - 1 } ?? defaultImage
      let image = images.indices.contains(framed) ? framed : defaultImage
      return AnswerRegion(
        region: Region(images[image].toOriginal(found.shape), frame: .pixels, image: image),
        found: found)
    }
  }
}
