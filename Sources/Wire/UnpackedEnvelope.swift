internal import CChatSpotWire

/// An envelope as protobuf-c unpacked it, not yet to be trusted. Nothing else calls `unpack`.
struct UnpackedEnvelope: ~Copyable {
  private let root: UnsafeMutablePointer<Chatspot__V1__Envelope>
  private let budget: UnpackBudget

  /// Throws `WireFault` where the bytes are no such message or ask for more memory than the budget
  /// has.
  init(_ bytes: [UInt8], within budget: UnpackBudget) throws(WireFault) {
    guard let root = chatspot__v1__envelope__unpack(budget.allocator, bytes.count, bytes) else {
      throw budget.isExceeded
        ? WireFault(
          .overBudget,
          "Envelope of \(bytes.count) bytes asks for more than \(budget.bytesAsked) bytes of memory"
        )
        : WireFault(.malformed, "Envelope of \(bytes.count) bytes is not a protobuf message")
    }
    self.root = root
    self.budget = budget
  }

  deinit { chatspot__v1__envelope__free_unpacked(root, budget.allocator) }

  /// The message as a Swift value. Throws `WireFault` for what a Swift value cannot hold.
  borrowing func message() throws(WireFault) -> Message {
    try Message(reading: root.pointee)
  }
}
