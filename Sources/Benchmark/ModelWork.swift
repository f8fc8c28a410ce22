/// How much arithmetic a model's work takes, from its dimensions.

internal import Checkpoints

/// The decoder's part.
struct DecoderWork {
  private let text: TextConfiguration

  init(_ text: TextConfiguration) { self.text = text }

  private var layerNumbers: Double {
    let (hidden, head) = (Double(text.hidden), Double(text.headWidth))
    let attention = hidden * head * Double(2 * text.heads + 2 * text.kvHeads)
    return attention + 3 * hidden * Double(text.intermediate)
  }

  /// Numbers of all layers' matrices and of the head.
  var matrixNumbers: Double {
    Double(text.layers) * layerNumbers + Double(text.vocabulary * text.hidden)
  }

  /// Floating-point operations for the tokens at `positions` of a sequence, with logits of
  /// `logitRows` of them.
  func operations(positions: Range<Int>, logitRows: Int) -> Double {
    let tokens = Double(positions.count)
    let seen = (Double(positions.lowerBound + 1) + Double(positions.upperBound)) / 2 * tokens
    let attention = 4 * Double(text.heads * text.headWidth) * seen
    let head = 2 * Double(logitRows) * Double(text.vocabulary * text.hidden)
    return Double(text.layers) * (2 * layerNumbers * tokens + attention) + head
  }

  /// Bytes of keys and values that decoding the tokens at `positions` one by one reads, in f16.
  func cacheBytes(positions: Range<Int>) -> Double {
    let seen =
      (Double(positions.lowerBound + 1) + Double(positions.upperBound)) / 2
      * Double(positions.count)
    return seen * Double(text.layers * 2 * text.kvHeads * text.headWidth * 2)
  }
}

/// The vision encoder's part: `layers` of its layers.
struct VisionWork {
  private let vision: VisionConfiguration
  private let layers: Int

  init(_ vision: VisionConfiguration, layers: Int) {
    self.vision = vision
    self.layers = layers
  }

  private var layerNumbers: Double {
    Double(vision.hidden) * Double(4 * vision.hidden + 2 * vision.intermediate)
  }

  /// Numbers of the layers' matrices and of the patch embedding.
  var matrixNumbers: Double {
    Double(layers) * layerNumbers + Double(vision.hidden * vision.patchElements)
  }

  /// Floating-point operations for one image.
  var operations: Double {
    let tokens = Double(vision.patches + 1)
    let attention = 4 * tokens * tokens * Double(vision.hidden)
    let embedding = 2 * Double(vision.patches) * Double(vision.hidden * vision.patchElements)
    return Double(layers) * (2 * layerNumbers * tokens + attention) + embedding
  }
}
