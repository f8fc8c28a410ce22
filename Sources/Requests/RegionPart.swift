/// A region as a client sends it: `{"box": [x1, y1, x2, y2]}`, `{"point": [x, y]}` or
/// `{"polygon": [[x, y], …]}`.

package import Referring

/// A place in one of the conversation's images.
package struct RegionPart: Decodable, Sendable, Equatable {
  package let region: Region
  /// The name of the field that holds the coordinates.
  package let field: String

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let path = FieldPath(decoder.codingPath)
    let given = [CodingKeys.box, .point, .polygon].filter {
      fields.contains($0) && (try? fields.decodeNil(forKey: $0)) == false
    }
    guard let key = given.first, given.count == 1 else {
      throw path.error("must hold exactly one of box, point and polygon", code: "invalid_value")
    }
    let shape: RegionShape
    switch key {
    case .box:
      let c = try Self.numbers(fields, key, count: 4)
      shape = .box(Box(x1: c[0], y1: c[1], x2: c[2], y2: c[3]))
    case .point:
      let c = try Self.numbers(fields, key, count: 2)
      shape = .point(Point(x: c[0], y: c[1]))
    default:
      shape = .polygon(try Self.corners(fields))
    }
    let units = try fields.optional(.units) ?? "px"
    guard let frame = ["px": Region.Frame.pixels, "norm": .normalized][units] else {
      throw fields.path(.units).error(
        "is \"\(units.prefix(40))\", not px or norm", code: "invalid_value")
    }
    let image = try fields.optional(.image, in: 0...RequestLimits.images) ?? 0
    let name: String? = try fields.optional(.id)
    if let name {
      let allowed = 1...ReferringLimits.regionNameBytesMax
      let isPlain = name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0x3C && $0 != 0x3E }
      guard allowed.contains(name.utf8.count), isPlain else {
        throw fields.path(.id).error(
          "must have 1 to \(allowed.upperBound) bytes without < > or control characters",
          code: "invalid_value")
      }
    }
    region = Region(shape, frame: frame, image: image, name: name)
    field = key.rawValue
  }

  private static func numbers(
    _ fields: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys, count: Int
  ) throws -> [Double] {
    let numbers = try fields.required(key, as: [Double].self)
    guard numbers.count == count else {
      throw fields.path(key).error(
        "holds \(numbers.count) numbers, not \(count)", code: "invalid_value")
    }
    return numbers
  }

  /// Pairs, or one list of numbers, x and y in turn.
  private static func corners(_ fields: KeyedDecodingContainer<CodingKeys>) throws -> [Point] {
    let key = CodingKeys.polygon
    let corners: [[Double]]
    if let flat = try? fields.decode([Double].self, forKey: key), !flat.isEmpty {
      guard flat.count.isMultiple(of: 2) else {
        throw fields.path(key).error(
          "holds \(flat.count) numbers; x and y come in pairs", code: "invalid_value")
      }
      corners = stride(from: 0, to: flat.count, by: 2).map { Array(flat[$0...$0 + 1]) }
    } else {
      corners = try fields.required(key, as: [[Double]].self)
    }
    for (index, corner) in corners.enumerated() where corner.count != 2 {
      throw fields.path(key)[index].error(
        "holds \(corner.count) numbers, not x and y", code: "invalid_value")
    }
    guard (3...ReferringLimits.polygonPointCountMax).contains(corners.count) else {
      throw fields.path(key).error(
        "has \(corners.count) corners, not 3 to \(ReferringLimits.polygonPointCountMax)",
        code: "invalid_value")
    }
    return corners.map { Point(x: $0[0], y: $0[1]) }
  }

  enum CodingKeys: String, CodingKey { case box, point, polygon, units, image, id }
}
