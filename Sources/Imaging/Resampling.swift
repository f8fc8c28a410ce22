internal import Foundation

/// How pixels are combined when a picture is resized. Raw values as `PIL.Image.Resampling`, which
/// `resample` of a `preprocessor_config.json` uses.
public enum Resampling: Int, Sendable, Equatable, CaseIterable {
  case nearest = 0
  case lanczos = 1
  case bilinear = 2
  case bicubic = 3
  case box = 4
  case hamming = 5

  /// Half the filter's width, in source pixels when not shrinking.
  var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .bilinear, .hamming: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  /// The filter at a distance from its centre; the formulas of Pillow's `Resample.c`.
  func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .nearest:
      return 0
    case .box:
      return distance > -0.5 && distance <= 0.5 ? 1 : 0
    case .bilinear:
      return x < 1 ? 1 - x : 0
    case .hamming:
      if x == 0 { return 1 }
      if x >= 1 { return 0 }
      let angle = x * Double.pi
      // Pillow writes these two constants in single precision.
      return sin(angle) / angle * (Double(Float(0.54)) + Double(Float(0.46)) * cos(angle))
    case .bicubic:
      // Keys' cubic convolution with a = −0.5.
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    case .lanczos:
      return distance >= -3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
    }
  }

  private func sinc(_ x: Double) -> Double {
    if x == 0 { return 1 }
    let angle = x * Double.pi
    return sin(angle) / angle
  }
}
