internal import CChatSpotWire

/// The memory that unpacking one message may ask for.
final class UnpackBudget {
  private let state: UnsafeMutablePointer<ChatSpotUnpackBudget>

  /// A budget of so many bytes, the allocator's own headers included.
  init(bytes: Int) {
    state = .allocate(capacity: 1)
    chatspot_unpack_budget_init(state, bytes)
  }

  deinit { state.deallocate() }

  /// The allocator for protobuf-c, valid as long as the budget lives.
  var allocator: UnsafeMutablePointer<ProtobufCAllocator> {
    UnsafeMutableRawPointer(state).assumingMemoryBound(to: ProtobufCAllocator.self)
  }

  /// Bytes asked for so far.
  var bytesAsked: Int { state.pointee.bytes_asked }
  /// Allocations that are not freed yet.
  var allocationsLive: Int { state.pointee.allocations_live }
  /// Whether a request was refused.
  var isExceeded: Bool { state.pointee.exceeded }
}
