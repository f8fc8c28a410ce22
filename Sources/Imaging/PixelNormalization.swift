/// From 8-bit pixels to a vision encoder's numbers, as `rescale` and `normalize` of Hugging Face
/// transformers (`image_transforms.py`): v × factor in f64, rounded to f32, then (v − mean) / std
/// in f32.
public struct PixelNormalization: Sendable, Equatable {
  /// What each 8-bit value is multiplied with first, usually 1/255; `nil` leaves 0…255.
  public let rescaleFactor: Double?
  /// Of red, green, blue, after rescaling. 0 and 1 where the picture is not normalised.
  public let mean: [Float]
  public let std: [Float]

  /// Throws `invalidConfiguration` unless there are three finite means and three finite deviations
  /// that are not zero.
  public init(
    rescaleFactor: Double?, mean: [Float] = [0, 0, 0], std: [Float] = [1, 1, 1]
  ) throws(ImagingError) {
    guard mean.count == 3, std.count == 3 else {
      throw ImagingError(
        .invalidConfiguration,
        "pixel normalisation needs 3 means and 3 deviations, not \(mean.count) and \(std.count)")
    }
    guard rescaleFactor?.isFinite ?? true, mean.allSatisfy(\.isFinite),
      std.allSatisfy({ $0.isFinite && $0 != 0 })
    else {
      throw ImagingError(
        .invalidConfiguration,
        "pixel normalisation needs finite numbers and deviations other than zero; "
          + "it has mean \(mean), std \(std)")
    }
    self.rescaleFactor = rescaleFactor
    self.mean = mean
    self.std = std
  }

  /// The picture's numbers, one plane a colour. `[3, height, width]`
  public func pixelValues(of image: PixelImage) -> [Float] {
    let pixels = image.width * image.height
    return [Float](unsafeUninitializedCapacity: pixels * 3) { values, count in
      image.rgb.withUnsafeBufferPointer { rgb in
        for channel in 0..<3 {
          let plane = values.baseAddress! + channel * pixels
          table(channel).withUnsafeBufferPointer { table in
            for pixel in 0..<pixels {
              (plane + pixel).initialize(to: table[Int(rgb[pixel * 3 + channel])])
            }
          }
        }
      }
      count = pixels * 3
    }
  }

  /// The number of each 8-bit value. `[256]`
  private func table(_ channel: Int) -> [Float] {
    (0..<256).map { value in
      let scaled = rescaleFactor.map { Float(Double(value) * $0) } ?? Float(value)
      return (scaled - mean[channel]) / std[channel]
    }
  }
}
