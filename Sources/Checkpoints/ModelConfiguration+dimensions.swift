/// Decoders given by their dimensions, without a file.

extension TextConfiguration {
  /// A Llama decoder with an untied head, no biases and no scaling of positions.
  public init(
    hidden: Int, intermediate: Int, layers: Int, heads: Int, kvHeads: Int, vocabulary: Int = 32000,
    contextMax: Int = 4096
  ) {
    precondition(heads % kvHeads == 0 && hidden % heads == 0 && hidden / heads % 2 == 0)
    self.hidden = hidden
    self.intermediate = intermediate
    self.layers = layers
    self.heads = heads
    self.kvHeads = kvHeads
    headWidth = hidden / heads
    self.vocabulary = vocabulary
    self.contextMax = contextMax
    normEpsilon = 1e-5
    ropeTheta = 10000
    ropeScaling = .none
    attentionBias = false
    mlpBias = false
    tiedHead = false
  }
}

extension VisionConfiguration {
  /// CLIP ViT-L with patches of 14 pixels, as LLaVA-1.5 (336 pixels) and ChatSpot (224) have it.
  public static func large14(imageSide: Int) -> VisionConfiguration {
    VisionConfiguration(
      hidden: 1024, intermediate: 4096, layers: 24, heads: 16, imageSide: imageSide, patchSide: 14,
      activation: .quickGELU, normEpsilon: 1e-5)
  }

  private init(
    hidden: Int, intermediate: Int, layers: Int, heads: Int, imageSide: Int, patchSide: Int,
    activation: Activation, normEpsilon: Float
  ) {
    self.hidden = hidden
    self.intermediate = intermediate
    self.layers = layers
    self.heads = heads
    self.imageSide = imageSide
    self.patchSide = patchSide
    self.activation = activation
    self.normEpsilon = normEpsilon
  }
}

extension ModelConfiguration {
  /// LLaVA-1.5's joining of a vision encoder and a decoder: features of the last layer but one,
  /// without the class token.
  public init(text: TextConfiguration, vision: VisionConfiguration) {
    self.text = text
    self.vision = vision
    featureLayers = [max(0, vision.layers - 1)]
    keepsClassToken = false
    projectorActivation = .gelu
    imageToken = 0
    imageTokenCount = nil
    beginningOfSequence = 1
    endsOfSequence = [2]
  }
}
