/// What a process that connects to the coordinator is.
public enum Role: UInt32, Sendable, CaseIterable {
  /// Holds decoder layers and their KV cache.
  case decoderWorker = 1
  /// Turns images into image features.
  case visionNode = 2
  /// Asks referring queries.
  case client = 3
}
