/// What the gateway asks.

public import Coordinator
public import Wire

/// A cluster that answers referring queries.
public protocol ServingCluster: Sendable {
  /// Asks. Who stops reading cancels the query, which frees what it holds at once.
  func ask(_ query: ReferringQueryMessage) -> AsyncThrowingStream<QueryEvent, any Error>
  /// What runs where, predicted and measured.
  func status() async -> ClusterStatus
}

extension Coordinator: ServingCluster {}
