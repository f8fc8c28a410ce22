internal import CChatSpotWire

/// A dense tensor, row-major.
public struct WireTensor: Sendable, Equatable {
  /// How each number is stored.
  public var type: WireDataType
  /// The extent of each dimension, outermost first. One to four dimensions, none of them zero.
  public var shape: [Int]
  /// The numbers, little-endian; its length is the product of `shape` times the size of `type`,
  /// exactly.
  public var data: [UInt8]

  /// Takes the fields as they are; `encode` checks them.
  public init(
    type: WireDataType, shape: [Int], data: [UInt8]
  ) {
    self.type = type
    self.shape = shape
    self.data = data
  }
}

extension WireTensor: WireMessage {
  static var messageName: StaticString { "Tensor" }
  static var initialise: Initialiser<Chatspot__V1__Tensor> { chatspot__v1__tensor__init }

  init(reading c: Chatspot__V1__Tensor) throws(WireFault) {
    type = try Self.read.choice(c.type.rawValue, "type")
    shape = Self.read.integers(c.n_shape, c.shape)
    data = Self.read.bytes(c.data)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.count(shape.count, "shape", 1...4)
    var elements = 1
    for extent in shape {
      try check.count(extent, "shape", 1...limits.tensorElements)
      let product = elements.multipliedReportingOverflow(by: extent)
      elements = product.overflow ? Int.max : product.partialValue
      try check.count(elements, "shape", 1...limits.tensorElements)
    }
    try check.that(
      data.count == elements * type.byteCount, "data",
      "is \(data.count) bytes, but \(shape) of \(type) takes \(elements * type.byteCount)")
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Tensor>, _ arena: PackArena) {
    c.pointee.type = Chatspot__V1__DataType(rawValue: type.rawValue)
    (c.pointee.n_shape, c.pointee.shape) = arena.integers(shape)
    arena.lend(data) { c.pointee.data = $0 }
  }
}
