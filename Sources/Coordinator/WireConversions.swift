/// Between the messages' values and those of the `Referring` room.

internal import Referring
internal import Tokenizing
internal import Wire

extension ReferringQuery {
  init(_ message: ReferringQueryMessage) {
    self.init(
      system: message.system.isEmpty ? nil : message.system,
      turns: message.turns.map { turn in
        Turn(
          role: turn.speaker == .user ? .user : .assistant, text: turn.text,
          regions: turn.regions.map(Region.init), images: turn.images)
      })
  }
}

extension Region {
  /// `wire` has passed the door: it has as many coordinates as its kind asks for.
  init(_ wire: WireRegion) {
    let c = wire.coordinates
    let shape: RegionShape =
      switch wire.kind {
      case .point: .point(Point(x: c[0], y: c[1]))
      case .box: .box(Box(x1: c[0], y1: c[1], x2: c[2], y2: c[3]))
      case .polygon:
        .polygon(stride(from: 0, to: c.count - 1, by: 2).map { Point(x: c[$0], y: c[$0 + 1]) })
      }
    self.init(
      shape, frame: wire.frame == .pixels ? .pixels : .normalized, image: wire.image,
      name: wire.name.isEmpty ? nil : wire.name)
  }
}

extension WireRegion {
  init(_ region: Region) {
    let (kind, coordinates): (Kind, [Double]) =
      switch region.shape {
      case .point(let point): (.point, [point.x, point.y])
      case .box(let box): (.box, [box.x1, box.y1, box.x2, box.y2])
      case .polygon(let points): (.polygon, points.flatMap { [$0.x, $0.y] })
      }
    self.init(
      kind: kind, frame: region.frame == .pixels ? .pixels : .normalized,
      coordinates: coordinates, image: region.image, name: region.name ?? "")
  }
}

extension WireImageGeometry {
  init(_ geometry: ImageGeometry) {
    let fit: WireFit =
      switch geometry.fit {
      case .stretch: .stretch
      case .centerPad: .centerPad
      case .topLeftPad: .topLeftPad
      case .centerCrop: .centerCrop
      }
    self.init(
      fit: fit, originalWidth: geometry.original.width, originalHeight: geometry.original.height,
      side: geometry.side, shortestEdge: geometry.shortestEdge)
  }
}

extension AnswerToken {
  init(_ sampled: SampledToken, spelledBy tokenizer: Tokenizer) {
    self.init(
      id: sampled.tokenID, bytes: tokenizer.spelling(of: sampled.tokenID),
      logProbability: sampled.logProbability,
      likeliest: sampled.likeliest.map { token in
        TokenLikelihood(
          id: token.id, bytes: tokenizer.spelling(of: token.id),
          logProbability: token.logProbability)
      })
  }
}

extension WireError {
  func about(query: UInt64) -> WireError {
    var error = self
    error.query = query
    return error
  }
}

extension CoordinatorError {
  var wireCode: WireError.Code {
    switch code {
    case .invalidQuery: .invalidQuery
    case .invalidImage: .invalidImage
    case .overloaded: .overloaded
    case .lost: .lost
    case .deadline: .deadline
    case .unavailable: .unavailable
    case .noRoom, .configuration, .unreachable, .internal: .internal
    }
  }
}
