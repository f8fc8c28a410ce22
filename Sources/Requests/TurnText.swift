/// The text of a turn whose regions are parts of their own.

/// Puts the parts of a turn together: a region stands in the text where its part stands, unless the
/// text itself says where, with `<region:id>` or with `<region>` marks in order.
struct TurnText: Sendable, Equatable {
  /// Characters after which no space is put before a region, nor after it before them.
  private static let opening: Set<Character> = ["(", "[", "{", "\"", "'", "“", "‘"]

  enum Piece: Sendable, Equatable {
    case text(String)
    /// The region's id, if it has one.
    case region(id: String?)
  }

  private(set) var pieces: [Piece] = []

  mutating func append(_ piece: Piece) { pieces.append(piece) }

  /// The text with `<region>` marks where regions stand.
  var marked: String {
    let texts = pieces.compactMap { if case .text(let text) = $0 { text } else { nil } }
    let marksItself = texts.contains { $0.contains("<region>") }
    func isNamed(_ id: String) -> Bool { texts.contains { $0.contains("<region:\(id)>") } }
    var result = ""
    var lastWasMark = false
    for piece in pieces {
      switch piece {
      case .text(let text):
        guard let first = text.first else { continue }
        if lastWasMark {
          let separates = first.isLetter || first.isNumber || Self.opening.contains(first)
          if separates { result += " " }
        } else if let last = result.last, !last.isWhitespace, !first.isWhitespace {
          result += "\n"
        }
        result += text
        lastWasMark = false
      case .region(let id):
        if marksItself || id.map(isNamed) == true { continue }
        if let last = result.last, !last.isWhitespace, !Self.opening.contains(last) {
          result += " "
        }
        result += "<region>"
        lastWasMark = true
      }
    }
    return result
  }
}
