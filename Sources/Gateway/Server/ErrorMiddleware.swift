/// Every error becomes an error object.

internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Requests

/// Answers with OpenAI's error object whatever goes wrong, unknown paths and methods included.
struct ErrorMiddleware: RouterMiddleware {
  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      return response(to: error, request, context)
    }
  }

  private func response(
    to error: any Error, _ request: Request, _ context: GatewayContext
  ) -> Response {
    if let error = error as? APIError { return error.response(from: request, context: context) }
    guard let error = error as? HTTPError, error.status == .notFound else {
      context.logger.error("\(request.method) \(request.uri.path) failed: \(error)")
      return APIError(error, retryAfter: 1).response(from: request, context: context)
    }
    let path = request.uri.path
    guard let endpoint = Endpoint(path: path) else {
      return APIError(
        status: .notFound, message: "there is nothing at \(path.prefix(100))", type: .notFound,
        code: "not_found"
      ).response(from: request, context: context)
    }
    var response = APIError(
      status: .methodNotAllowed,
      message: "\(endpoint.path) takes \(endpoint.method), not \(request.method)",
      type: .invalidRequest, code: "method_not_allowed"
    ).response(from: request, context: context)
    response.headers[.allow] = endpoint.method == .get ? "GET, HEAD" : "POST"
    return response
  }
}
