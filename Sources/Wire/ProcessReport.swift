internal import CChatSpotWire

/// What one process did for a query.
public struct ProcessReport: Sendable, Equatable {
  /// The process's name.
  public var name: String
  /// The process's id on its host.
  public var processID: UInt64
  /// What it did, for people: "decodes layers 0–1", "encodes images".
  public var work: String
  /// Steps computed, or images encoded, for this query.
  public var completed: Int
  /// Time computing the steps or images that this query was part of, in seconds.
  public var busySeconds: Double
  /// The first decoder layer that it holds.
  public var firstLayer: Int
  /// How many decoder layers it holds; 0 for a vision node.
  public var layerCount: Int

  /// Takes the fields as they are; `encode` checks them.
  public init(
    name: String, processID: UInt64 = 0, work: String, completed: Int = 0, busySeconds: Double = 0,
    firstLayer: Int = 0, layerCount: Int = 0
  ) {
    self.name = name
    self.processID = processID
    self.work = work
    self.completed = completed
    self.busySeconds = busySeconds
    self.firstLayer = firstLayer
    self.layerCount = layerCount
  }
}

extension ProcessReport: WireMessage {
  static var messageName: StaticString { "ProcessReport" }
  static var initialise: Initialiser<Chatspot__V1__ProcessReport> {
    chatspot__v1__process_report__init
  }

  init(reading c: Chatspot__V1__ProcessReport) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
    processID = c.process_id
    work = try Self.read.text(c.work, "work")
    completed = try Self.read.integer(c.completed, "completed")
    busySeconds = c.busy_seconds
    firstLayer = Int(c.first_layer)
    layerCount = Int(c.layer_count)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.nameBytes)
    try check.text(work, "work", bytesMax: limits.textBytes)
    try check.count(completed, "completed", 0...Int.max)
    try check.seconds(busySeconds, "busy_seconds")
    try check.count(firstLayer, "first_layer", 0...limits.layers)
    try check.count(layerCount, "layer_count", 0...limits.layers)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ProcessReport>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
    c.pointee.process_id = processID
    c.pointee.work = arena.text(work)
    c.pointee.completed = UInt64(clamping: completed)
    c.pointee.busy_seconds = busySeconds
    c.pointee.first_layer = UInt32(clamping: firstLayer)
    c.pointee.layer_count = UInt32(clamping: layerCount)
  }
}
