/// Reads regions out of a model's text in one pass: every byte is looked at a bounded number of
/// times, whatever the text.
extension Notation {
  /// The regions in an answer, in order, at most ``ReferringLimits/foundRegionCountMax``.
  ///
  /// Spaces inside brackets and wrappers are tolerated, as is a missing closing wrapper (an answer
  /// cut at its token limit). Two numbers are a point, four a box, any greater even count a
  /// polygon, if the notation has such; reversed corners are put right; coordinates are clamped.
  /// Everything else is plain text: other counts, letters, numbers further than a whole square
  /// outside (`[2019, 2020]` is no point).
  public func parse(_ answer: String) -> [FoundRegion] {
    var parser = NotationParser(notation: self, answer: answer)
    return parser.run()
  }
}

private struct NotationParser {
  /// Numbers of one region with the bytes that they stand in.
  private struct Group {
    var numbers: [Double] = []
    var range: Range<Int>
  }

  private let notation: Notation
  private let bytes: [UInt8]
  private let open: [UInt8]
  private let close: [UInt8]
  /// What may stand around a bracket; empty if brackets stand alone.
  private let wrappers: [(open: [UInt8], close: [UInt8])]
  /// What separates regions inside one bracket.
  private let groupSeparator: UInt8?

  private var position = 0
  private var track: Int?
  private var found: [FoundRegion] = []

  init(notation: Notation, answer: String) {
    self.notation = notation
    bytes = Array(answer.utf8)
    open = Array(notation.bracket.open.utf8)
    close = Array(notation.bracket.close.utf8)
    let all = [notation.box, notation.point, notation.polygon].compactMap { $0 }
    wrappers =
      all.contains(.none)
      ? [] : all.map { (open: Array($0.open.utf8), close: Array($0.close.utf8)) }
    groupSeparator =
      if case .inOneBracket(let joiner) = notation.several { joiner.utf8.first } else { nil }
  }

  mutating func run() -> [FoundRegion] {
    while position < bytes.count, found.count < ReferringLimits.foundRegionCountMax {
      if starts(open, at: position) {
        readBracket()
      } else if notation.readsTracks, bytes[position] == UInt8(ascii: "<") {
        readTrackTag()
      } else {
        position += 1
      }
    }
    return found
  }

  // MARK: brackets

  /// Reads from an opening bracket on. Whatever comes of it, what was read holds no other
  /// opening bracket, so the search goes on behind it.
  private mutating func readBracket() {
    let bracketStart = position
    position += open.count
    guard let outside = wrapperStart(before: bracketStart) else { return }
    guard let groups = readGroups() else { return }
    let frame = notation.readsTracks ? frameNumber(before: bracketStart) : nil
    var range = outside.start..<position
    if let wrapper = outside.wrapper {
      let behind = skippingSpaces(from: position)
      if starts(wrappers[wrapper].close, at: behind) {
        position = behind + wrappers[wrapper].close.count
        range = range.lowerBound..<position
      }
    }
    for group in groups {
      guard found.count < ReferringLimits.foundRegionCountMax else { return }
      guard let shape = shape(of: group.numbers) else { continue }
      let own = groups.count == 1 ? range : group.range
      let text = String(decoding: bytes[own], as: UTF8.self)
      found.append(FoundRegion(shape: shape, text: text, range: own, track: track, frame: frame))
    }
  }

  /// Where the region's text begins; nil if the notation wants a wrapper and there is none.
  private func wrapperStart(before bracket: Int) -> (start: Int, wrapper: Int?)? {
    if wrappers.isEmpty { return (bracket, nil) }
    let end = skippingSpacesBack(from: bracket)
    for (index, wrapper) in wrappers.enumerated() {
      let start = end - wrapper.open.count
      if start >= 0, starts(wrapper.open, at: start) { return (start, index) }
    }
    return nil
  }

  /// Numbers up to and with the closing bracket; nil at the first byte that does not fit.
  private mutating func readGroups() -> [Group]? {
    var groups: [Group] = []
    var numberCount = 0
    var continuesGroup = false
    while true {
      position = skippingSpaces(from: position)
      let start = position
      numberCount += 1
      guard numberCount <= ReferringLimits.bracketNumberCountMax, let value = readNumber() else {
        return nil
      }
      if !continuesGroup { groups.append(Group(range: start..<start)) }
      groups[groups.count - 1].numbers.append(value)
      groups[groups.count - 1].range = groups[groups.count - 1].range.lowerBound..<position
      position = skippingSpaces(from: position)
      if starts(close, at: position) {
        position += close.count
        return groups
      }
      guard position < bytes.count else { return nil }
      switch bytes[position] {
      case UInt8(ascii: ","): continuesGroup = true
      case groupSeparator: continuesGroup = false
      default: return nil
      }
      position += 1
    }
  }

  /// A decimal number: sign, digits, one point.
  private mutating func readNumber() -> Double? {
    let start = position
    if position < bytes.count, isSign(bytes[position]) {
      position += 1
    }
    var digitCount = 0
    var hasPoint = false
    while position < bytes.count {
      if isDigit(bytes[position]) {
        digitCount += 1
      } else if bytes[position] == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else {
        break
      }
      position += 1
      if position - start > ReferringLimits.numberBytesMax { return nil }
    }
    guard digitCount > 0 else { return nil }
    return Double(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private func shape(of numbers: [Double]) -> RegionShape? {
    let scaled = numbers.map { $0 / Double(notation.scale) }
    guard scaled.allSatisfy({ $0 >= -1 && $0 <= 2 }), scaled.count.isMultiple(of: 2) else {
      return nil
    }
    let points = stride(from: 0, to: scaled.count, by: 2).map {
      Box.unit.clamp(Point(x: scaled[$0], y: scaled[$0 + 1]))
    }
    switch points.count {
    case 1: return .point(points[0])
    case 2: return Box(around: points).map { .box($0) }
    default: return notation.polygon == nil ? nil : .polygon(points)
    }
  }

  // MARK: tracks

  /// Reads `<Id1>` or `</Id1>`, which open and end a track; anything else is plain text.
  private mutating func readTrackTag() {
    position += 1
    var inside = position
    let ends = inside < bytes.count && bytes[inside] == UInt8(ascii: "/")
    if ends { inside += 1 }
    guard starts(Self.trackWord, at: inside) else { return }
    inside += Self.trackWord.count
    let digits = bytes[inside...].prefix(Self.numberDigitsMax + 1).prefix(while: isDigit)
    guard let number = number(digits), starts([UInt8(ascii: ">")], at: digits.endIndex) else {
      return
    }
    position = digits.endIndex + 1
    track = ends ? nil : number
  }

  /// The n of `Frame n:` right before a bracket.
  private func frameNumber(before bracket: Int) -> Int? {
    let colon = skippingSpacesBack(from: bracket) - 1
    guard colon >= 0, bytes[colon] == UInt8(ascii: ":") else { return nil }
    let end = skippingSpacesBack(from: colon)
    let digits = bytes[..<end].suffix(Self.numberDigitsMax + 1).suffix(while: isDigit)
    let word = skippingSpacesBack(from: digits.startIndex) - Self.frameWord.count
    guard word >= 0, starts(Self.frameWord, at: word) else { return nil }
    return number(digits)
  }

  private func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.count <= Self.numberDigitsMax else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private static let trackWord = Array("Id".utf8)
  private static let frameWord = Array("Frame".utf8)
  /// So many digits cannot overflow.
  private static let numberDigitsMax = 9

  // MARK: bytes

  private func starts(_ word: [UInt8], at index: Int) -> Bool {
    guard index + word.count <= bytes.count else { return false }
    var offset = 0
    while offset < word.count {
      if bytes[index + offset] != word[offset] { return false }
      offset += 1
    }
    return true
  }

  private func skippingSpaces(from index: Int) -> Int {
    var index = index
    while index < bytes.count, isSpace(bytes[index]) { index += 1 }
    return index
  }

  /// The end of what stands before the spaces that end at `index`.
  private func skippingSpacesBack(from index: Int) -> Int {
    var index = index
    while index > 0, isSpace(bytes[index - 1]) { index -= 1 }
    return index
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private func isSign(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}

extension ArraySlice<UInt8> {
  fileprivate func suffix(while predicate: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    guard let last = lastIndex(where: { !predicate($0) }) else { return self }
    return self[(last + 1)...]
  }
}
