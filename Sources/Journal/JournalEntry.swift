/// What a journal holds.

/// A request that was accepted and has not ended. The journal does not look into its bytes.
public struct JournalEntry: Sendable, Equatable {
  /// The name under which its client may ask for it.
  public let id: String
  /// When it was accepted, in seconds since 1970.
  public let accepted: Double
  /// How its answers become a response.
  public let request: [UInt8]
  /// Its queries, without their images.
  public let queries: [[UInt8]]
  /// The images that every query of it shows, in order. Equal ones are stored once.
  public let images: [[UInt8]]

  public init(
    id: String, accepted: Double, request: [UInt8], queries: [[UInt8]], images: [[UInt8]]
  ) {
    self.id = id
    self.accepted = accepted
    self.request = request
    self.queries = queries
    self.images = images
  }
}

/// How an entry stands.
public enum JournalState: Sendable, Equatable {
  /// It has not ended: what its request was.
  case unfinished(request: [UInt8])
  /// It has ended with this response.
  case ended(status: Int, body: [UInt8])
}
