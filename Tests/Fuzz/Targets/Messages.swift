internal import Wire

/// The message door: what `decode` lets in, `encode` packs, and that decodes to the same.
func tryMessage(_ bytes: [UInt8]) {
  guard let message = try? decode(bytes) else { return }
  do throws(WireFault) {
    let again = try decode(try encode(message))
    require(again == message, "\(message) comes back as \(again)")
  } catch {
    require(false, "\(message) was let in and does not go out: \(error)")
  }
}
