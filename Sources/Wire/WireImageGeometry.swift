internal import CChatSpotWire

/// The transform from the original image to the model's square. The coordinator writes regions with
/// it and the vision node resamples the pixels with it.
public struct WireImageGeometry: Sendable, Equatable {
  /// How the image is brought to the square.
  public var fit: WireFit
  /// Width of the original image after EXIF orientation, in pixels.
  public var originalWidth: Int
  /// Height of the original image after EXIF orientation, in pixels.
  public var originalHeight: Int
  /// Edge of the model's square, in pixels.
  public var side: Int
  /// For `.centerCrop`: the length that the shorter edge is scaled to, in pixels. Equal to `side`
  /// otherwise.
  public var shortestEdge: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    fit: WireFit, originalWidth: Int, originalHeight: Int, side: Int, shortestEdge: Int
  ) {
    self.fit = fit
    self.originalWidth = originalWidth
    self.originalHeight = originalHeight
    self.side = side
    self.shortestEdge = shortestEdge
  }
}

extension WireImageGeometry: WireMessage {
  static var messageName: StaticString { "ImageGeometry" }
  static var initialise: Initialiser<Chatspot__V1__ImageGeometry> {
    chatspot__v1__image_geometry__init
  }

  init(reading c: Chatspot__V1__ImageGeometry) throws(WireFault) {
    fit = try Self.read.choice(c.fit.rawValue, "fit")
    originalWidth = Int(c.original_width)
    originalHeight = Int(c.original_height)
    side = Int(c.side)
    shortestEdge = Int(c.shortest_edge)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(originalWidth, "original_width", 1...limits.imageEdge)
    try check.count(originalHeight, "original_height", 1...limits.imageEdge)
    try check.count(side, "side", 1...limits.imageEdge)
    try check.count(shortestEdge, "shortest_edge", 1...limits.imageEdge)
    try check.that(
      fit == .centerCrop || shortestEdge == side, "shortest_edge",
      "is \(shortestEdge) where the fit is \(fit) and the side \(side)")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ImageGeometry>, _ arena: PackArena) {
    c.pointee.fit = Chatspot__V1__Fit(rawValue: fit.rawValue)
    c.pointee.original_width = UInt32(clamping: originalWidth)
    c.pointee.original_height = UInt32(clamping: originalHeight)
    c.pointee.side = UInt32(clamping: side)
    c.pointee.shortest_edge = UInt32(clamping: shortestEdge)
  }
}
