/// Reads the bodies of requests.

internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOPosix
internal import Requests

/// Reads a body within the limits of size, time and memory.
struct BodyReader: Sendable {
  let bytesMax: Int
  let seconds: Int
  let budget: BodyBudget

  /// Reads the request and answers it while its bytes are counted.
  ///
  /// Throws an ``APIError``: 413, 408 or 429.
  func read<Value: Decodable & Sendable, Result>(
    _ type: Value.Type, from request: Request, _ answer: (Value) async throws -> Result
  ) async throws -> Result {
    let stated = request.headers[.contentLength].flatMap { Int($0) }
    guard stated ?? 0 <= bytesMax else { throw tooLarge }
    return try await budget.reserving(stated ?? bytesMax) {
      try await answer(RequestJSON.decode(type, from: try await bytes(of: request.body)))
    }
  }

  private var tooLarge: APIError {
    APIError(
      status: .contentTooLarge,
      message: "the request is larger than \(bytesMax) bytes; send smaller images",
      type: .invalidRequest, code: "request_too_large", closesConnection: true)
  }

  /// The timer is the event loop's: that of a sleeping task would stay in memory until it is due, for each
  /// request of the last minute, also where the task was cancelled long ago.
  private func bytes(of body: RequestBody) async throws -> Data {
    let reading = Task { try await collect(body) }
    let timer = MultiThreadedEventLoopGroup.singleton.any()
      .scheduleTask(in: .seconds(Int64(seconds))) { reading.cancel() }
    defer { timer.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await reading.value
      } onCancel: {
        reading.cancel()
      }
    } catch {
      guard reading.isCancelled, !Task.isCancelled else { throw error }
      throw APIError(
        status: .requestTimeout, message: "the request took longer than \(seconds) s to arrive",
        type: .timeout, code: "request_timeout", closesConnection: true)
    }
  }

  private func collect(_ body: RequestBody) async throws -> Data {
    var bytes = Data()
    for try await part in body {
      guard bytes.count + part.readableBytes <= bytesMax else { throw tooLarge }
      bytes.append(contentsOf: part.readableBytesView)
    }
    // A body that is cancelled may end as if it were whole.
    try Task.checkCancellation()
    return bytes
  }
}
