/// What makes a coordinator take nobody in without a key.

public import Messaging

/// The coordinator's own keys, and the list of those who may connect.
public struct CoordinatorKeys: Sendable {
  let pair: KeyPair
  let directory: KeyDirectory

  /// Reads the coordinator's key. Throws `MessagingError` of code `.invalidKey`.
  public init(_ directory: KeyDirectory) throws(MessagingError) {
    pair = try directory.coordinatorFile().pair
    self.directory = directory
  }
}
