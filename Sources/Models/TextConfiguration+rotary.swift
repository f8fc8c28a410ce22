/// Rotary frequencies of a decoder, with the scalings that transformers knows as linear and llama3.

public import Checkpoints
internal import Foundation

extension TextConfiguration {
  /// Angle a position of each pair of a head's numbers, `[headWidth / 2]`.
  ///
  /// Computed in f32 like `_compute_default_rope_parameters`,
  /// `_compute_linear_scaling_rope_parameters` and `_compute_llama3_parameters` of transformers'
  /// `modeling_rope_utils.py`.
  public var rotaryFrequencies: [Float] {
    stride(from: 0, to: headWidth, by: 2).map { index in
      let frequency = 1 / powf(Float(ropeTheta), Float(index) / Float(headWidth))
      return scaled(frequency, pair: index / 2)
    }
  }

  private func scaled(_ frequency: Float, pair: Int) -> Float {
    switch ropeScaling {
    case .none:
      return frequency
    case .linear(let factor):
      return frequency / Float(factor)
    case .divided(let divisors):
      return frequency / divisors[pair]
    case .llama3(let factor, let lowFactor, let highFactor, let originalContext):
      let wavelength = 2 * Float.pi / frequency
      let context = Float(originalContext)
      if wavelength > context / Float(lowFactor) { return frequency / Float(factor) }
      if wavelength < context / Float(highFactor) { return frequency }
      let ramp = (context / wavelength - Float(lowFactor)) / Float(highFactor - lowFactor)
      return (1 - ramp) * frequency / Float(factor) + ramp * frequency
    }
  }
}
