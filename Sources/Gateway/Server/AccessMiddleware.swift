/// Who may ask.

internal import HTTPTypes
internal import Hummingbird
internal import Requests

/// Keeps web pages of other origins away from a gateway that asks for no keys.
struct AccessMiddleware: RouterMiddleware {
  /// Whether clients show keys, which pages of other origins do not have.
  let hasKeys: Bool
  /// Origins of web pages that may use the API, or "*".
  let origins: Set<String>
  /// Whether requests must name this machine as their host: a page whose name is made to point here
  /// does not.
  let requiresLocalHost: Bool

  func handle(
    _ request: Request, context: GatewayContext,
    next: (Request, GatewayContext) async throws -> Response
  ) async throws -> Response {
    try checkHost(of: request)
    try checkOrigin(of: request)
    return try await next(request, context)
  }

  private func checkHost(of request: Request) throws {
    guard requiresLocalHost, let authority = request.head.authority else { return }
    guard !["localhost", "127.0.0.1", "[::1]"].contains(Self.host(in: authority)) else { return }
    throw APIError(
      status: .forbidden,
      message: "the request is for the host \(authority.prefix(100)), which is not this machine; "
        + "to serve other names, start the server with --api-keys or --insecure",
      type: .permission, code: "wrong_host", closesConnection: true)
  }

  /// Browsers say which page a request comes from.
  private func checkOrigin(of request: Request) throws {
    guard request.method == .post, !hasKeys, let origin = request.headers[.origin] else {
      return
    }
    let own = request.head.authority
    guard origin != own.map({ "http://\($0)" }), origin != own.map({ "https://\($0)" }),
      !origins.contains("*"), !origins.contains(origin)
    else { return }
    throw APIError(
      status: .forbidden,
      message: "pages of \(origin.prefix(100)) may not use this server; allow them with "
        + "--cors-origin",
      type: .permission, code: "wrong_origin", closesConnection: true)
  }

  /// The host without its port, in small letters.
  static func host(in authority: String) -> String {
    let lowercased = authority.lowercased()
    if lowercased.hasPrefix("["), let end = lowercased.firstIndex(of: "]") {
      return String(lowercased[...end])
    }
    return String(lowercased.prefix { $0 != ":" })
  }
}
