/// Somebody who gives tensors.

internal import Messaging
internal import Wire

/// A connection to one holder, and what is asked of it. Lives on the fetcher's reactor.
final class TensorSource {
  /// A chunk that was asked for.
  struct Chunk: Hashable {
    let name: String
    let offset: Int
  }

  let number: Int
  let holder: TensorHolder
  /// The coordinator describes tensors, and gives those that nobody else has.
  let isCoordinator: Bool
  var socket: Socket?
  /// What it is giving.
  var downloads: [TensorDownload] = []
  /// Chunks that it was asked for and the bytes that they are to have.
  var asked: [Chunk: (download: TensorDownload, length: Int)] = [:]
  /// When it last said something, or was asked after a silence.
  var lastHeard: ContinuousClock.Instant
  /// When it may be asked again.
  var restsUntil: ContinuousClock.Instant?
  /// How often it failed in a row.
  var failures = 0
  var receivedBytes = 0

  var address: Address { holder.address }

  init(_ number: Int, _ holder: TensorHolder, isCoordinator: Bool, now: ContinuousClock.Instant) {
    self.number = number
    self.holder = holder
    self.isCoordinator = isCoordinator
    lastHeard = now
  }
}
