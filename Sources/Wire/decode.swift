/// Unpacks and checks the bytes of one `Envelope`: the one door for everything that comes in.
///
/// Size limit, then unpacking within a memory budget, then every rule of the protocol, then a Swift
/// value. Unknown fields are ignored. A Hello of another protocol version is let in with its
/// version alone, so that it can be refused with a reason.
/// - Throws: `WireFault` for anything else than a message that keeps the rules.
public func decode(
  _ bytes: [UInt8], limits: WireLimits = .standard
) throws(WireFault) -> Message {
  try checkSize(bytes.count, of: "Envelope", limits)
  let budget = UnpackBudget(bytes: limits.unpackBytes(for: bytes.count))
  let message = try UnpackedEnvelope(bytes, within: budget).message()
  try message.body.validate(limits)
  return message
}
