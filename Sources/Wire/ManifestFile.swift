internal import CChatSpotWire

/// A configuration file of a model.
public struct ManifestFile: Sendable, Equatable {
  /// Its name, such as "config.json". At most 128 bytes, none of them a slash.
  public var name: String
  /// Its bytes, at most 1 MiB.
  public var content: [UInt8]

  /// Takes the fields as they are; `encode` checks them.
  public init(name: String, content: [UInt8]) {
    self.name = name
    self.content = content
  }
}

extension ManifestFile: WireMessage {
  static var messageName: StaticString { "ManifestFile" }
  static var initialise: Initialiser<Chatspot__V1__ManifestFile> {
    chatspot__v1__manifest_file__init
  }

  init(reading c: Chatspot__V1__ManifestFile) throws(WireFault) {
    name = try Self.read.text(c.name, "name")
    content = Self.read.bytes(c.content)
  }

  func validate(_ limits: WireLimits) throws(WireFault) {
    let check = FieldCheck(Self.messageName, limits)
    try check.text(name, "name", bytesMax: limits.nameBytes)
    try check.that(!name.isEmpty && !name.utf8.contains(0x2f), "name", "is no name of a file")
    try check.count(content.count, "content", 0...limits.manifestFileBytes)
  }

  func write(to c: UnsafeMutablePointer<Chatspot__V1__ManifestFile>, _ arena: PackArena) {
    c.pointee.name = arena.text(name)
    arena.lend(content) { c.pointee.content = $0 }
  }
}
