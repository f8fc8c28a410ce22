/// Turning and mirroring by EXIF orientation.
extension PixelImage {
  /// Undoes an EXIF orientation, 1…8, as Pillow's `ImageOps.exif_transpose`; any other number
  /// leaves the picture as it is. 5…8 exchange width and height.
  func oriented(_ orientation: Int) -> PixelImage {
    // The stored pixel that comes to the top left, and the steps to its right and lower neighbours.
    let right = width - 1
    let bottom = (height - 1) * width
    let walk: (start: Int, column: Int, row: Int)
    switch orientation {
    case 2: walk = (right, -1, width)
    case 3: walk = (bottom + right, -1, -width)
    case 4: walk = (bottom, 1, -width)
    case 5: walk = (0, width, 1)
    case 6: walk = (bottom, -width, 1)
    case 7: walk = (bottom + right, -width, -1)
    case 8: walk = (right, width, -1)
    default: return self
    }
    let turned = orientation >= 5
    let (columns, rows) = turned ? (height, width) : (width, height)
    let pixels = [UInt8](unsafeUninitializedCapacity: rgb.count) { target, count in
      rgb.withUnsafeBufferPointer { source in
        var next = 0
        for y in 0..<rows {
          var pixel = (walk.start + y * walk.row) * 3
          for _ in 0..<columns {
            target[next] = source[pixel]
            target[next + 1] = source[pixel + 1]
            target[next + 2] = source[pixel + 2]
            next += 3
            pixel += walk.column * 3
          }
        }
      }
      count = rgb.count
    }
    return PixelImage(width: columns, height: rows, rgb: pixels)
  }
}
