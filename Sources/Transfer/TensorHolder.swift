/// Where tensors can be had.

public import Messaging

/// A process that gives tensors: where it listens and, in a cluster with keys, who it is.
public struct TensorHolder: Sendable, Hashable {
  public let address: Address
  /// Its public key; nil in a cluster without keys.
  public let key: PublicKey?

  public init(_ address: Address, key: PublicKey? = nil) {
    self.address = address
    self.key = key
  }
}
