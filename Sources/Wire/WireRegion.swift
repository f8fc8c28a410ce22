internal import CChatSpotWire

/// A place in an image.
public struct WireRegion: Sendable, Equatable {
  /// What kind of place a region is.
  public enum Kind: UInt32, Sendable, CaseIterable {
    /// x, y.
    case point = 1
    /// x1, y1, x2, y2: two opposite corners.
    case box = 2
    /// x, y of each corner in order; at least three corners.
    case polygon = 3
  }

  /// What a region's coordinates are measured in.
  public enum Frame: UInt32, Sendable, CaseIterable {
    /// Pixels of the original image after EXIF orientation, from its top-left corner.
    case pixels = 1
    /// Shares of the original image's width and height, in [0, 1].
    case normalized = 2
  }

  /// What kind of place.
  public var kind: Kind
  /// What the coordinates are measured in.
  public var frame: Frame
  /// The coordinates, as `kind` says. Finite.
  public var coordinates: [Double]
  /// Which of the query's images, counted from 0.
  public var image: Int
  /// A name that "<region:name>" in the text may refer to; may be empty.
  public var name: String

  /// Takes the fields as they are; `encode` checks them.
  public init(
    kind: Kind, frame: Frame = .pixels, coordinates: [Double], image: Int = 0, name: String = ""
  ) {
    self.kind = kind
    self.frame = frame
    self.coordinates = coordinates
    self.image = image
    self.name = name
  }
}

extension WireRegion: WireMessage {
  static var messageName: StaticString { "Region" }
  static var initialise: Initialiser<Chatspot__V1__Region> { chatspot__v1__region__init }

  init(reading c: Chatspot__V1__Region) throws(WireFault) {
    kind = try Self.read.choice(c.kind.rawValue, "kind")
    frame = try Self.read.choice(c.frame.rawValue, "frame")
    coordinates = Self.read.array(c.n_coordinates, c.coordinates)
    image = Int(c.image)
    name = try Self.read.text(c.name, "name")
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(coordinates.count, "coordinates", 1...limits.regionCoordinates)
    let fits =
      switch kind {
      case .point: coordinates.count == 2
      case .box: coordinates.count == 4
      case .polygon: coordinates.count >= 6 && coordinates.count.isMultiple(of: 2)
      }
    try check.that(fits, "coordinates", "holds \(coordinates.count) numbers for a \(kind)")
    for coordinate in coordinates { try check.finite(coordinate, "coordinates") }
    try check.count(image, "image")
    try check.text(name, "name", bytesMax: limits.nameBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Region>, _ arena: PackArena) {
    c.pointee.kind = Chatspot__V1__RegionKind(rawValue: kind.rawValue)
    c.pointee.frame = Chatspot__V1__RegionFrame(rawValue: frame.rawValue)
    (c.pointee.n_coordinates, c.pointee.coordinates) = arena.array(coordinates)
    c.pointee.image = UInt32(clamping: image)
    c.pointee.name = arena.text(name)
  }
}
