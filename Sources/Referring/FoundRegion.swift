/// A region read out of a model's text, in [0,1] of the model's square.
public struct FoundRegion: Sendable, Equatable {
  /// Corners in order and clamped to [0,1].
  public let shape: RegionShape
  /// Exactly what the model wrote, wrapper included. Of several in one bracket: this one's numbers.
  public let text: String
  /// Where `text` stands in the answer, in bytes of UTF-8.
  public let range: Range<Int>
  /// The track of `<Id1>…</Id1>` that it stands in.
  public let track: Int?
  /// The number of `Frame1:` before it, counted from 1.
  public let frame: Int?

  public init(
    shape: RegionShape, text: String, range: Range<Int>, track: Int? = nil, frame: Int? = nil
  ) {
    self.shape = shape
    self.text = text
    self.range = range
    self.track = track
    self.frame = frame
  }
}
