/// Web pages of other origins, where the operator allows them.

internal import HTTPTypes
internal import Hummingbird

/// Tells browsers which pages may read the API's answers.
struct CORSMiddleware: RouterMiddleware {
  /// Origins, or "*".
  let origins: Set<String>

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    guard let origin = request.headers[.origin], origins.contains("*") || origins.contains(origin)
    else { return try await next(request, context) }
    var response: Response
    if request.method == .options {
      response = Response(
        status: .noContent,
        headers: [
          .accessControlAllowMethods: "GET, POST",
          .accessControlAllowHeaders: request.headers[.accessControlRequestHeaders]
            .flatMap { Self.names($0) } ?? "authorization, content-type",
          .accessControlMaxAge: "600",
        ])
    } else {
      response = try await next(request, context)
    }
    response.headers[.accessControlAllowOrigin] = origins.contains("*") ? "*" : origin
    response.headers.append(HTTPField(name: .vary, value: "Origin"))
    return response
  }

  /// The browser's list of header names, if it is one.
  private static func names(_ list: String) -> String? {
    list.utf8.count <= 1024
      && list.utf8.allSatisfy {
        $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "-")
          || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
          || (0x61...0x7A).contains($0)
      } ? list : nil
  }
}
