/// A region of an answer, as clients receive it.

internal import Wire

/// A place that the answer names, in pixels of the original image.
struct FoundRegion: Encodable, Sendable, Equatable {
  /// The answer's own text for it.
  let text: String
  /// Which of the conversation's images, counted from 0.
  let image: Int
  var box: [Double]?
  var point: [Double]?
  var polygon: [[Double]]?

  init(_ found: AnswerRegion) {
    text = found.text
    image = found.region.image
    let numbers = found.region.coordinates
    switch found.region.kind {
    case .box: box = numbers
    case .point: point = numbers
    case .polygon:
      polygon = stride(from: 0, to: numbers.count - 1, by: 2).map {
        [numbers[$0], numbers[$0 + 1]]
      }
    }
  }
}
