/// How many requests, of which kind, how long.

internal import CoreMetrics
internal import HTTPTypes
internal import Hummingbird

/// Records each request. Paths and methods that are none of ours count as "other".
struct MeasuringMiddleware: RouterMiddleware {
  private let running = Meter(label: "chatspot_http_requests_running")

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    let begin = ContinuousClock.now
    let route = Endpoint(path: request.uri.path)?.path ?? "other"
    let method =
      [.get, .post, .head, .options].contains(request.method)
      ? request.method.rawValue : "other"
    running.increment()
    var response: Response
    do {
      response = try await next(request, context)
    } catch {
      running.decrement()
      throw error
    }
    response.headers[.requestID] = RequestID().description
    let record: @Sendable () -> Void = { [running, status = response.status.code] in
      running.decrement()
      Counter(
        label: "chatspot_http_requests_total",
        dimensions: [("route", route), ("method", method), ("status", "\(status)")]
      ).increment()
      Recorder(label: "chatspot_http_request_seconds", dimensions: [("route", route)])
        .record((ContinuousClock.now - begin) / .seconds(1))
    }
    guard response.body.contentLength == nil else {
      record()
      return response
    }
    let body = response.body
    response.body = ResponseBody { writer in
      defer { record() }
      try await body.write(writer)
    }
    return response
  }
}
