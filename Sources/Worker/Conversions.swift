/// Between the messages' values and those that compute.

internal import Compute
internal import Imaging
internal import Messaging
internal import Models
internal import Referring
internal import Transfer
internal import Wire

extension Matrix {
  /// A tensor that passed the door, `[rows, columns]`.
  init(_ tensor: WireTensor) {
    precondition(tensor.shape.count == 2)
    self.init(
      rows: tensor.shape[0], columns: tensor.shape[1], format: tensor.type == .f32 ? .f32 : .f16,
      bytes: tensor.data)
  }

  /// Takes over a tensor's numbers, in the storage that it has.
  mutating func take(_ tensor: WireTensor) {
    precondition(tensor.shape.count == 2)
    take(
      rows: tensor.shape[0], columns: tensor.shape[1], format: tensor.type == .f32 ? .f32 : .f16,
      bytes: tensor.data)
  }

  func wireTensor(_ type: WireDataType) -> WireTensor {
    WireTensor(
      type: type, shape: [rows, columns], data: type == .f32 ? f32Bytes() : f16Bytes())
  }
}

extension Assignment {
  /// Who may hold what is to be fetched, with their keys where the cluster has some.
  var tensorHolders: [TensorHolder] {
    tensorSources.enumerated().compactMap { index, endpoint in
      guard let address = try? Address(endpoint) else { return nil }
      let key = tensorSourceKeys.indices.contains(index) ? tensorSourceKeys[index] : []
      return TensorHolder(address, key: try? PublicKey(bytes: key))
    }
  }

  /// Who holds the KV blocks of which layers. Throws `.invalidAddress` where nobody can be reached.
  func kvHolders() throws(MessagingError) -> [(layers: Range<Int>, holder: TensorHolder)] {
    var holders: [(layers: Range<Int>, holder: TensorHolder)] = []
    for source in kvSources {
      let key = try? PublicKey(bytes: source.key)
      holders.append((source.layers, TensorHolder(try Address(source.endpoint), key: key)))
    }
    return holders
  }
}

extension SamplingParameters {
  init(_ wire: WireSampling) {
    self.init(
      temperature: wire.temperature, topP: wire.topP, topK: wire.topK, seed: wire.seed,
      presencePenalty: wire.presencePenalty, frequencyPenalty: wire.frequencyPenalty)
  }
}

extension Step {
  /// Where each span's tokens stand among the step's rows, and their KV blocks; written over
  /// `runs`, whose storage is kept.
  func write(to runs: inout [TokenRun]) {
    if runs.count > spans.count { runs.removeLast(runs.count - spans.count) }
    var firstRow = 0
    for (index, span) in spans.enumerated() {
      if index == runs.count {
        runs.append(TokenRun(firstRow: 0, count: 0, firstPosition: 0, blocks: []))
      }
      runs[index].firstRow = firstRow
      runs[index].count = span.tokenCount
      runs[index].firstPosition = span.firstPosition
      runs[index].blocks.removeAll(keepingCapacity: true)
      for block in span.kvBlocks { runs[index].blocks.append(UInt32(block)) }
      firstRow += span.tokenCount
    }
  }

  /// What the next stage gets: hidden states in place of token ids.
  func passedOn(_ hidden: Matrix, _ type: WireDataType, _ timing: StageTiming) -> Step {
    var next = self
    for index in next.spans.indices {
      next.spans[index].tokenIDs = []
      next.spans[index].splices = []
    }
    next.activations = hidden.wireTensor(type)
    next.timings.append(timing)
    return next
  }

  /// What a stage that rebuilds its KV blocks gets: hidden states that were sent before,
  /// `[tokens, hidden]`.
  func sentAgain(_ activations: [UInt8], width: Int, _ type: WireDataType) -> Step {
    var next = self
    next.purpose = .rebuild
    next.activations = WireTensor(
      type: type, shape: [spans.reduce(0) { $0 + $1.tokenCount }, width], data: activations)
    return next
  }
}

extension ImageGeometry {
  init(_ wire: WireImageGeometry) throws(ReferringError) {
    let fit: Fit =
      switch wire.fit {
      case .stretch: .stretch
      case .centerPad: .centerPad
      case .topLeftPad: .topLeftPad
      case .centerCrop: .centerCrop
      }
    try self.init(
      fit: fit, original: ImageSize(width: wire.originalWidth, height: wire.originalHeight),
      side: wire.side, shortestEdge: wire.shortestEdge)
  }

  /// The same transform for pixels.
  func placement(padFill: PixelColour) -> PixelPlacement {
    PixelPlacement(
      canvasWidth: canvas.width, canvasHeight: canvas.height, canvasX: canvasOffset.x,
      canvasY: canvasOffset.y, padFill: padFill, resizedWidth: resized.width,
      resizedHeight: resized.height, cropX: cropOffset.x, cropY: cropOffset.y, side: side)
  }
}

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
