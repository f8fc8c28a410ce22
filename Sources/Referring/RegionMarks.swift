/// The `<region>` and `<region:name>` marks in a turn's text: where its regions are to stand.
///
/// A named mark stands for the region of that name in the same turn and may be repeated. Marks
/// without a name stand, in order, for the regions that no named mark refers to. Without any mark
/// the regions follow the text, as in the ChatSpot paper, after one space. If there are marks,
/// every region must have one: a region left over is an error, not an afterthought.
public struct RegionMarks: Sendable, Equatable {
  /// A part of the text, or regions (by index) that are to be written in its place.
  public enum Part: Sendable, Equatable {
    case text(String)
    case regions([Int])
  }

  private enum Piece: Sendable, Equatable {
    case text(String)
    case mark(name: String?)
  }

  private let pieces: [Piece]

  /// How many marks the text holds.
  public var markCount: Int {
    pieces.count { if case .mark = $0 { true } else { false } }
  }

  /// Finds the marks. A `<region:` without a name and `>` within
  /// ``ReferringLimits/regionNameBytesMax`` bytes is plain text.
  public init(in text: String) {
    var pieces: [Piece] = []
    var pending = text.utf8.startIndex
    var index = pending
    let bytes = text.utf8
    while let start = bytes[index...].firstIndex(of: UInt8(ascii: "<")) {
      guard let mark = Self.mark(at: start, in: text) else {
        index = bytes.index(after: start)
        continue
      }
      if pending < start { pieces.append(.text(String(text[pending..<start]))) }
      pieces.append(.mark(name: mark.name))
      index = mark.end
      pending = mark.end
    }
    if pending < bytes.endIndex { pieces.append(.text(String(text[pending...]))) }
    self.pieces = pieces
  }

  /// The text with each mark replaced by the region that it stands for.
  /// - Throws: ``ReferringError``: `markWithoutRegion`, `regionWithoutMark`, `badRegionName`,
  ///   `limit`.
  public func place(_ regions: [Region]) throws(ReferringError) -> [Part] {
    try Self.checkNames(of: regions)
    guard markCount > 0 else { return following(regions) }
    guard markCount <= ReferringLimits.turnMarkCountMax else {
      throw ReferringError(
        .limit,
        "the text has \(markCount) <region> marks; \(ReferringLimits.turnMarkCountMax) "
          + "are allowed")
    }
    let named = try namedRegions(of: regions)
    var unnamed = regions.indices.filter { !named.values.contains($0) }[...]
    let marksUnnamed = pieces.count { $0 == .mark(name: nil) }
    guard marksUnnamed <= unnamed.count else {
      throw ReferringError(
        .markWithoutRegion,
        "the text has \(marksUnnamed) <region> marks, but \(unnamed.count) regions are given "
          + "for them", remedy: "Give a region for each mark")
    }
    guard marksUnnamed == unnamed.count else {
      throw ReferringError(
        .regionWithoutMark,
        "\(unnamed.count - marksUnnamed) of \(regions.count) regions have no mark in the text",
        remedy: "Mark each region's place with <region> or <region:name>, or use no marks at all")
    }
    return pieces.map { piece in
      switch piece {
      case .text(let text): .text(text)
      case .mark(let name?): .regions(named[name].map { [$0] } ?? [])
      case .mark(nil): .regions(unnamed.popFirst().map { [$0] } ?? [])
      }
    }
  }

  /// Without marks: the text, a space, the regions.
  private func following(_ regions: [Region]) -> [Part] {
    var parts: [Part] = pieces.compactMap {
      if case .text(let text) = $0 { .text(text) } else { nil }
    }
    guard !regions.isEmpty else { return parts }
    if case .text(let text)? = parts.last, text.last?.isWhitespace == false {
      parts.append(.text(" "))
    }
    parts.append(.regions(Array(regions.indices)))
    return parts
  }

  /// The indexes of the regions that named marks refer to.
  private func namedRegions(of regions: [Region]) throws(ReferringError) -> [String: Int] {
    var named: [String: Int] = [:]
    for case .mark(let name?) in pieces where named[name] == nil {
      guard let index = regions.firstIndex(where: { $0.name == name }) else {
        let names = regions.compactMap(\.name).joined(separator: ", ")
        throw ReferringError(
          .markWithoutRegion, "<region:\(name)> names a region that this turn does not have",
          remedy: names.isEmpty
            ? "Give a region of that name, or write <region>" : "The names here are \(names)")
      }
      named[name] = index
    }
    return named
  }

  private static func checkNames(of regions: [Region]) throws(ReferringError) {
    var seen: Set<String> = []
    for name in regions.compactMap(\.name) {
      guard isName(name) else {
        throw ReferringError(
          .badRegionName, "\"\(name.prefix(40))\" cannot be the name of a region",
          remedy: "A name has 1 to \(ReferringLimits.regionNameBytesMax) bytes without < > or "
            + "control characters")
      }
      guard seen.insert(name).inserted else {
        throw ReferringError(.badRegionName, "two regions of one turn are named \"\(name)\"")
      }
    }
  }

  private static func mark(
    at start: String.Index, in text: String
  ) -> (name: String?, end: String.Index)? {
    let bytes = text.utf8[start...]
    for (word, isNamed) in [("<region>", false), ("<region:", true)]
    where bytes.starts(with: word.utf8) {
      let end = bytes.index(start, offsetBy: word.utf8.count)
      guard isNamed else { return (nil, end) }
      let tail = bytes[end...].prefix(ReferringLimits.regionNameBytesMax + 1)
      guard let close = tail.firstIndex(of: UInt8(ascii: ">")) else { return nil }
      let name = String(text[end..<close])
      return isName(name) ? (name, bytes.index(after: close)) : nil
    }
    return nil
  }

  private static func isName(_ name: String) -> Bool {
    (1...ReferringLimits.regionNameBytesMax).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">")
      }
  }
}
