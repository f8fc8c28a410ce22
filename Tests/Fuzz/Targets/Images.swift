internal import Imaging

/// Small pictures, so that a second sees many of them.
private let limits = ImageLimits(pixelsMax: 1 << 16, sideMax: 1 << 13)

/// Headers, decoding, and what a preprocessor configuration says.
func tryImage(_ bytes: [UInt8]) {
  if bytes.first == UInt8(ascii: "{") {
    _ = try? PreprocessorConfiguration(json: bytes, file: "preprocessor_config.json")
  }
  let header = try? ImageHeader(reading: bytes)
  guard let image = try? PixelImage(decoding: bytes, limits: limits) else { return }
  require(
    image.width == header?.displayedWidth && image.height == header?.displayedHeight,
    "\(image.width)×\(image.height) pixels come of \(String(describing: header))")
}
