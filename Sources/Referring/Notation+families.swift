/// The notations of the model families that we know.
extension Notation {
  /// ChatSpot (arXiv 2307.09474): `<box>[0.123, 0.456, 0.789, 0.900]</box>`; a point has one pair,
  /// a polygon more.
  public static let chatspot = Notation(
    name: "chatspot", box: boxTags, point: boxTags, polygon: boxTags,
    separator: ", ", several: .joined(", "), digits: .decimals(3), fit: .stretch)

  /// Merlin (arXiv 2312.00589): `[131, 238, 675, 578]` of 1000, fractions dropped.
  public static let merlin = Notation(
    name: "merlin", box: .none, point: .none, polygon: Wrapper.none,
    separator: ", ", several: .joined(", "), scale: 1000, digits: .truncated, readsTracks: true,
    fit: .stretch)

  /// Shikra (arXiv 2306.15195): `[0.123,0.456,0.789,0.900]`, several in one bracket with `;`.
  public static let shikra = Notation(
    name: "shikra", box: .none, point: .none, polygon: Wrapper.none,
    separator: ",", several: .inOneBracket(";"), digits: .decimals(3), fit: .centerPad)

  /// LLaVA 1.5 (arXiv 2310.03744): `[0.04, 0.57, 0.63, 0.71]` of the centre-padded square.
  public static let llava = Notation(
    name: "llava", box: .none, point: .none, polygon: Wrapper.none,
    separator: ", ", several: .joined(", "), digits: .decimals(2), fit: .centerPad)

  /// The embedded model: `<box>[0.25,0.30,0.50,0.62]</box>`, `<point>[0.25,0.40]</point>`. Two
  /// decimals, never more: each of 0.00 … 1.00 is one token.
  public static let mini = Notation(
    name: "mini", box: boxTags, point: Wrapper("<point>", "</point>"), polygon: nil,
    separator: ",", several: .joined(", "), digits: .decimals(2), fit: .centerCrop)

  public static let all: [Notation] = [.chatspot, .merlin, .shikra, .llava, .mini]

  /// The notation of this name.
  /// - Throws: ``ReferringError`` `unknownName`.
  public static func named(_ name: String) throws(ReferringError) -> Notation {
    guard let notation = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name).joined(separator: ", ")
      throw ReferringError(
        .unknownName, "there is no notation \"\(name.prefix(40))\"", remedy: "Use one of \(names)")
    }
    return notation
  }

  private static let boxTags = Wrapper("<box>", "</box>")
}
