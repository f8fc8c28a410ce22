/// Cuts long text into runs that encode separately to the same ids.

/// Byte-pair merges only ever form pieces, so no merge can cross a place whose two neighbouring
/// characters stand side by side in no piece. Such a place is a seam: cutting there changes
/// nothing.
struct SegmentCutter {
  private let neighbours: Set<UInt64>

  init(_ model: SentencePieceModel) {
    var neighbours = Set<UInt64>()
    for piece in model.pieces where piece.kind != .byte && piece.kind != .control {
      var previous: Unicode.Scalar?
      for scalar in String(decoding: piece.bytes, as: UTF8.self).unicodeScalars {
        if let previous { neighbours.insert(Self.key(previous, scalar)) }
        previous = scalar
      }
    }
    self.neighbours = neighbours
  }

  private static func key(_ left: Unicode.Scalar, _ right: Unicode.Scalar) -> UInt64 {
    UInt64(left.value) << 32 | UInt64(right.value)
  }

  /// Runs of at most `bytesMax` (≥ 4) bytes, cut at the last seam that fits. Text that has none
  /// within `bytesMax` (one letter repeated, say) is cut between characters there, which may cost
  /// one merge.
  func runs(_ text: ArraySlice<UInt8>, bytesMax: Int) -> [ArraySlice<UInt8>] {
    precondition(bytesMax >= 4)
    guard text.count > bytesMax else { return [text] }
    var runs: [ArraySlice<UInt8>] = []
    var start = text.startIndex
    var seam: Int?
    var position = text.startIndex
    var previous: Unicode.Scalar?
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      let width = UTF8.width(scalar)
      if let previous, position > start, !neighbours.contains(Self.key(previous, scalar)) {
        seam = position
      }
      if position + width - start > bytesMax {
        let cut = seam ?? position
        runs.append(text[start..<cut])
        start = cut
        seam = nil
      }
      previous = scalar
      position += width
    }
    runs.append(text[start...])
    return runs
  }

  /// Cuts before every "▁".
  static func words(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var words: [ArraySlice<UInt8>] = []
    var start = text.startIndex
    for position in text.indices.dropFirst()
    where text[position] == TextRules.space[0] && text[position...].starts(with: TextRules.space) {
      words.append(text[start..<position])
      start = position
    }
    words.append(text[start...])
    return words
  }
}
