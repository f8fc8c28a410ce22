/// What every message struct gives so that it can pass the door: its C twin, its rules and the two
/// conversions. One file per message holds all of it.
protocol WireMessage: Sendable {
  /// The struct that protoc-c made of the message.
  associatedtype CMessage

  /// The message's name in the protocol.
  static var messageName: StaticString { get }

  /// The generated function that makes a zeroed C struct a valid empty message.
  static var initialise: Initialiser<CMessage> { get }

  /// Reads an unpacked C struct. Throws `WireFault` for what a Swift value cannot hold: unknown
  /// enum values, text that is no UTF-8, missing submessages.
  init(reading c: CMessage) throws(WireFault)

  /// Checks every field against the protocol's rules, on the way in and on the way out.
  func validate(_ limits: WireLimits) throws(WireFault)

  /// Fills an initialised C struct that lives as long as the arena. The values have been validated;
  /// integers are clamped where they were not.
  func write(to c: UnsafeMutablePointer<CMessage>, _ arena: PackArena)
}

/// A generated `…__init` function.
typealias Initialiser<CMessage> = (UnsafeMutablePointer<CMessage>?) -> Void

extension WireMessage {
  /// Reads fields of this message.
  static var read: FieldReader { FieldReader(messageName) }
}
