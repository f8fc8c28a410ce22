/// How many requests, of which kind, how long.

internal import CoreMetrics
internal import HTTPTypes
internal import Hummingbird

/// Records each request, and gives it an id. What is none of the API's counts as "page" or "other".
struct MeasuringMiddleware: RouterMiddleware {
  private let metrics: PrometheusRegistry
  private let running: Meter

  init(metrics: PrometheusRegistry) {
    self.metrics = metrics
    running = Meter(label: "chatspot_http_requests_running", factory: metrics)
  }

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    let measurement = RequestMeasurement(request.method, running: running, metrics: metrics)
    var response = try await next(request, context)
    response.headers[.requestID] = RequestID().description
    measurement.answered(response.status, route: Self.route(context, response.status))
    guard response.body.contentLength == nil else { return response }
    let body = response.body
    // Lives until the stream is written, or is not to be written after all.
    response.body = ResponseBody { writer in
      try await body.write(writer)
      withExtendedLifetime(measurement) {}
    }
    return response
  }

  private static func route(_ context: GatewayContext, _ status: HTTPResponse.Status) -> String {
    guard let path = context.endpointPath, status != .methodNotAllowed else { return "other" }
    if let endpoint = Endpoint(rawValue: path) { return endpoint.path }
    return path == "NotFound" ? "other" : "page"
  }
}
