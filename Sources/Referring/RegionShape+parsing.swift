/// Shapes as people type them: `x,y`, `x1,y1,x2,y2`, `x,y x,y x,y`.
///
/// Numbers are decimal, with or without sign, fraction and exponent; spaces around commas do not
/// matter. Whether they are pixels or [0,1] is said elsewhere (``Region/Frame``).
extension RegionShape {
  /// Reads `x,y`.
  /// - Throws: ``ReferringError`` `badNumber`, `wrongNumberCount` or `limit`.
  public init(point text: String) throws(ReferringError) {
    let numbers = try Self.numbers(in: text, count: 2, rule: "a point takes 2 numbers x,y")
    self = .point(Point(x: numbers[0], y: numbers[1]))
  }

  /// Reads `x1,y1,x2,y2`, two opposite corners in any order.
  /// - Throws: ``ReferringError`` `badNumber`, `wrongNumberCount` or `limit`.
  public init(box text: String) throws(ReferringError) {
    let rule = "a box takes 4 numbers x1,y1,x2,y2"
    let numbers = try Self.numbers(in: text, count: 4, rule: rule)
    self = .box(Box(x1: numbers[0], y1: numbers[1], x2: numbers[2], y2: numbers[3]))
  }

  /// Reads `x,y x,y x,y` or `x1,y1,x2,y2,x3,y3`, at least three corners.
  /// - Throws: ``ReferringError`` `badNumber`, `wrongNumberCount` or `limit`.
  public init(polygon text: String) throws(ReferringError) {
    let groups = try Self.groups(in: text)
    if groups.count > 1, let odd = groups.first(where: { $0.count != 2 }) {
      throw ReferringError(
        .wrongNumberCount,
        "a polygon takes pairs x,y separated by spaces; one of them has \(odd.count)",
        remedy: "Write x,y x,y x,y or x1,y1,x2,y2,x3,y3")
    }
    let numbers = groups.flatMap { $0 }
    guard numbers.count.isMultiple(of: 2) else {
      throw ReferringError(
        .wrongNumberCount, "a polygon takes pairs of numbers x,y; \(numbers.count) numbers given")
    }
    let points = stride(from: 0, to: numbers.count, by: 2).map {
      Point(x: numbers[$0], y: numbers[$0 + 1])
    }
    try Self.checkCount(of: points)
    self = .polygon(points)
  }

  /// Refuses a polygon with too few or too many corners.
  static func checkCount(of points: [Point]) throws(ReferringError) {
    guard points.count >= 3 else {
      throw ReferringError(
        .wrongNumberCount, "a polygon takes at least 3 corners; \(points.count) given",
        remedy: points.count == 2 ? "Use a box" : "Use a point")
    }
    guard points.count <= ReferringLimits.polygonPointCountMax else {
      throw ReferringError(
        .limit,
        "a polygon takes at most \(ReferringLimits.polygonPointCountMax) corners; "
          + "\(points.count) given", remedy: "Leave out corners or use a box")
    }
  }

  private static func numbers(
    in text: String, count: Int, rule: String
  ) throws(ReferringError) -> [Double] {
    let numbers = try groups(in: text).flatMap { $0 }
    guard numbers.count == count else {
      throw ReferringError(.wrongNumberCount, "\(rule); \(numbers.count) given")
    }
    return numbers
  }

  /// Numbers joined by commas form a group; spaces without a comma separate groups.
  private static func groups(in text: String) throws(ReferringError) -> [[Double]] {
    guard text.utf8.count <= ReferringLimits.shapeTextBytesMax else {
      throw ReferringError(
        .limit, "the text of a shape is longer than \(ReferringLimits.shapeTextBytesMax) bytes")
    }
    var groups: [[Double]] = []
    var joined = false
    for word in words(in: text) {
      if word == "," {
        if joined || groups.isEmpty { throw missingNumber(in: text) }
        joined = true
        continue
      }
      let value = try number(word)
      if joined { groups[groups.count - 1].append(value) } else { groups.append([value]) }
      joined = false
    }
    if joined { throw missingNumber(in: text) }
    return groups
  }

  private static func words(in text: String) -> [Substring] {
    var words: [Substring] = []
    var start: String.Index?
    for index in text.indices {
      let isComma = text[index] == ","
      if isComma || text[index].isWhitespace {
        if let begun = start { words.append(text[begun..<index]) }
        start = nil
        if isComma { words.append(text[index...index]) }
      } else if start == nil {
        start = index
      }
    }
    if let begun = start { words.append(text[begun...]) }
    return words
  }

  private static func number(_ word: Substring) throws(ReferringError) -> Double {
    let letters = "+-.0123456789eE"
    guard word.allSatisfy({ letters.contains($0) }), let value = Double(word), value.isFinite else {
      throw ReferringError(
        .badNumber, "\"\(word.prefix(40))\" is not a number",
        remedy: "Write coordinates like 12 or 0.25, with commas between them")
    }
    return value
  }

  private static func missingNumber(in text: String) -> ReferringError {
    ReferringError(.badNumber, "a number is missing beside a comma in \"\(text.prefix(40))\"")
  }
}
