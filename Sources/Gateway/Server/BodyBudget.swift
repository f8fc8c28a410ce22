/// Memory for the bodies of requests.

internal import HTTPTypes
internal import Requests
internal import Synchronization

/// Counts the bytes that all requests together may hold.
final class BodyBudget: Sendable {
  private let bytesMax: Int
  private let bytes = Mutex<Int>(0)

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Runs `body` with `count` bytes reserved. Throws an ``APIError`` with status 429 if they are
  /// not left.
  func reserving<Result>(
    _ count: Int, _ body: () async throws -> Result
  ) async throws -> Result {
    let isReserved = bytes.withLock { bytes in
      guard bytes + count <= bytesMax || bytes == 0 else { return false }
      bytes += count
      return true
    }
    guard isReserved else {
      throw APIError(
        status: .tooManyRequests, message: "requests of too many bytes are under way",
        type: .overloaded, code: "overloaded", retryAfter: 1, closesConnection: true)
    }
    defer { bytes.withLock { $0 -= count } }
    return try await body()
  }
}
