internal import CChatSpotWire

/// Image features that take the place of token embeddings.
public struct Splice: Sendable, Equatable {
  /// The coordinator's number for the image.
  public var image: UInt64
  /// The first feature row to use.
  public var firstRow: Int
  /// How many rows to use.
  public var rowCount: Int
  /// The first token of the span, counted from 0, that a row replaces.
  public var firstToken: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    image: UInt64, firstRow: Int = 0, rowCount: Int, firstToken: Int = 0
  ) {
    self.image = image
    self.firstRow = firstRow
    self.rowCount = rowCount
    self.firstToken = firstToken
  }
}

extension Splice: WireMessage {
  static var messageName: StaticString { "Splice" }
  static var initialise: Initialiser<Chatspot__V1__Splice> { chatspot__v1__splice__init }

  init(reading c: Chatspot__V1__Splice) throws(WireFault) {
    image = c.image
    firstRow = Int(c.first_row)
    rowCount = Int(c.row_count)
    firstToken = Int(c.first_token)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.identifier(image, "image")
    try check.count(firstRow, "first_row")
    try check.count(rowCount, "row_count", 1...limits.stepTokens)
    try check.count(firstToken, "first_token", 0...limits.stepTokens)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__Splice>, _ arena: PackArena) {
    c.pointee.image = image
    c.pointee.first_row = UInt32(clamping: firstRow)
    c.pointee.row_count = UInt32(clamping: rowCount)
    c.pointee.first_token = UInt32(clamping: firstToken)
  }
}
