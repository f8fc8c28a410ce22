/// A picture on a plain canvas, resized without the canvas or the whole result ever being in
/// memory: a wide photograph padded to a square can have many times the pixels of the photograph.
struct ResamplingCanvas {
  let image: PixelImage
  let width: Int
  let height: Int
  /// The columns and rows of the canvas that the picture covers.
  let columns: Range<Int>
  let rows: Range<Int>
  let fill: PixelColour

  init(_ image: PixelImage) {
    self.init(image, size: (image.width, image.height), origin: (0, 0), fill: .black)
  }

  /// The picture must lie inside the canvas as a whole.
  init(
    _ image: PixelImage, size: (width: Int, height: Int), origin: (x: Int, y: Int),
    fill: PixelColour
  ) {
    self.image = image
    (width, height) = size
    columns = origin.x..<origin.x + image.width
    rows = origin.y..<origin.y + image.height
    self.fill = fill
    precondition(columns.lowerBound >= 0 && columns.upperBound <= width, "inside the canvas")
    precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "inside the canvas")
  }

  /// The given columns and rows of the canvas resized to `size`: a pass for each axis whose length
  /// changes, with a result rounded to 8 bits between them. Both ranges lie inside `size` and are
  /// not empty.
  func resized(
    to size: (width: Int, height: Int), using resampling: Resampling,
    columns: Range<Int>, rows: Range<Int>
  ) -> PixelImage {
    if resampling == .nearest || size == (width, height) {
      return picked(
        columns: Self.nearestPositions(from: width, to: size.width, targets: columns),
        rows: Self.nearestPositions(from: height, to: size.height, targets: rows))
    }
    func horizontal() -> ResamplingWeights {
      ResamplingWeights(from: width, to: size.width, targets: columns, using: resampling)
    }
    func vertical() -> ResamplingWeights {
      ResamplingWeights(from: height, to: size.height, targets: rows, using: resampling)
    }
    if size.height == height { return filteredAlongRows(horizontal(), rows: rows) }
    if size.width == width { return filteredDownColumns(vertical(), columns: columns) }
    let (across, down) = (horizontal(), vertical())
    if columnsGoFirst(size) {
      let between = filteredDownColumns(down, columns: across.sourceRange)
      return ResamplingCanvas(between)
        .filteredAlongRows(across.rebased, rows: 0..<between.height)
    }
    let between = filteredAlongRows(across, rows: down.sourceRange)
    return ResamplingCanvas(between)
      .filteredDownColumns(down.rebased, columns: 0..<between.width)
  }

  /// Rows are filtered first, except where the height shrinks by more than twice as many pixels as
  /// the width: so since Pillow 13 (pull request 9549). Older Pillows always filter rows first,
  /// which may differ by a level or two in pictures more than twice as tall as wide.
  private func columnsGoFirst(_ size: (width: Int, height: Int)) -> Bool {
    size.height < height && height - size.height > 2 * (width - size.width)
  }

  /// One pixel of the canvas for each pair of a column and a row.
  private func picked(columns picks: [Int], rows pickedRows: [Int]) -> PixelImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(picks.count * pickedRows.count * 3)
    for y in pickedRows {
      for x in picks {
        guard rows.contains(y), columns.contains(x) else {
          pixels += [fill.red, fill.green, fill.blue]
          continue
        }
        let offset = ((y - rows.lowerBound) * image.width + x - columns.lowerBound) * 3
        pixels.append(image.rgb[offset])
        pixels.append(image.rgb[offset + 1])
        pixels.append(image.rgb[offset + 2])
      }
    }
    return PixelImage(width: picks.count, height: pickedRows.count, rgb: pixels)
  }

  /// Pillow's `ImagingScaleAffine` adds the step again and again; a product would round otherwise.
  private static func nearestPositions(
    from source: Int, to target: Int, targets: Range<Int>
  ) -> [Int] {
    if source == target { return Array(targets) }
    let step = Double(source) / Double(target)
    var position = step * 0.5
    var positions: [Int] = []
    positions.reserveCapacity(targets.count)
    for index in 0..<targets.upperBound {
      if index >= targets.lowerBound { positions.append(min(Int(position), source - 1)) }
      position += step
    }
    return positions
  }
}
