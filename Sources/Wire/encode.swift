internal import CChatSpotWire

/// Packs a message into the bytes of one `Envelope`.
///
/// The message is held to the same rules as one that comes in. Its bytes fields are copied once,
/// from where they are into the result.
/// - Throws: `WireFault` where a field breaks a rule or the packed message is too large.
public func encode(
  _ message: Message, limits: WireLimits = .standard
) throws(WireFault) -> [UInt8] {
  try message.body.validate(limits)
  let arena = PackArena()
  var envelope = Chatspot__V1__Envelope()
  chatspot__v1__envelope__init(&envelope)
  withUnsafeMutablePointer(to: &envelope) { message.write(to: $0, arena) }
  return try withExtendedLifetime(arena) { () throws(WireFault) in
    try arena.lending { () throws(WireFault) in
      let size = chatspot__v1__envelope__get_packed_size(&envelope)
      try checkSize(size, of: message.name, limits)
      return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = chatspot__v1__envelope__pack(&envelope, buffer.baseAddress)
      }
    }
  }
}

/// Throws where a packed message is over its limit.
func checkSize(_ bytes: Int, of name: String, _ limits: WireLimits) throws(WireFault) {
  guard bytes <= limits.messageBytes else {
    throw WireFault(
      .tooLarge, "\(name) is \(bytes) bytes, more than the limit of \(limits.messageBytes)")
  }
}
