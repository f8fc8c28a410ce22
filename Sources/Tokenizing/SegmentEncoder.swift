/// What turns text between special tokens into ids.

/// An algorithm with its vocabulary.
protocol SegmentEncoder: Sendable {
  /// Most text that it takes at once.
  var bytesMax: Int { get }

  /// The ids of UTF-8 text in the form that `TextRules` gives it; nil if the algorithm fails.
  func encode(_ text: ArraySlice<UInt8>) -> [Int32]?
}
