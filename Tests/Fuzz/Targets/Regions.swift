internal import Referring

/// A model's answer in every notation: what is found stands where it says, lies in the square, and
/// is found again where it is written anew.
func tryAnswer(_ bytes: [UInt8]) {
  let answer = String(decoding: bytes, as: UTF8.self)
  _ = try? ConversationTemplate.recognized(in: answer)
  let text = Array(answer.utf8)
  for notation in Notation.all {
    for found in notation.parse(answer) {
      require(
        found.range.upperBound <= text.count
          && String(decoding: text[found.range], as: UTF8.self) == found.text,
        "\(found) does not stand in the answer")
      let written = notation.format(found.shape)
      let again = notation.parse(written)
      require(again.count == 1, "\(notation.name): \(written) is read as \(again)")
      guard let before = found.shape.boundingBox, let after = again[0].shape.boundingBox else {
        require(false, "\(found) has no corners")
        continue
      }
      let moved =
        [
          before.x1 - after.x1, before.y1 - after.y1, before.x2 - after.x2, before.y2 - after.y2,
        ].map { abs($0) }.max() ?? 0
      require(
        moved <= notation.quantisation + 1e-12, "\(notation.name): \(written) moves by \(moved)")
    }
  }
}

/// A shape as people type it, put into a picture and seen through every fit. The first four bytes
/// are the picture's size.
func tryShape(_ bytes: [UInt8]) {
  guard bytes.count > 4 else { return }
  let size = ImageSize(
    width: Int(bytes[0]) << 8 | Int(bytes[1]), height: Int(bytes[2]) << 8 | Int(bytes[3]))
  let text = String(decoding: bytes[4...], as: UTF8.self)
  let shapes = [
    try? RegionShape(point: text), try? RegionShape(box: text), try? RegionShape(polygon: text),
  ].compactMap { $0 }
  let regions = shapes.flatMap { [Region($0), Region($0, frame: .normalized)] }
  for region in regions {
    guard let inside = try? region.validated(in: size) else { continue }
    for fit in ImageGeometry.Fit.allCases {
      guard let geometry = try? ImageGeometry(fit: fit, original: size, side: 336),
        let seen = try? geometry.toModel(inside.shape)
      else { continue }
      require(
        isIn(seen, width: 1, height: 1), "\(fit): \(inside) is seen outside the square: \(seen)")
      let back = geometry.toOriginal(seen)
      require(
        isIn(back, width: Double(size.width), height: Double(size.height)),
        "\(fit): \(inside) comes back outside the picture: \(back)")
    }
  }
  let query = ReferringQuery(turns: [Turn(role: .user, text: text, regions: regions, images: [0])])
  _ = try? query.validate()
  _ = try? RegionMarks(in: text).place(regions)
}

private func isIn(_ shape: RegionShape, width: Double, height: Double) -> Bool {
  guard let box = shape.boundingBox else { return false }
  return box.x1 >= 0 && box.y1 >= 0 && box.x2 <= width && box.y2 <= height
}
