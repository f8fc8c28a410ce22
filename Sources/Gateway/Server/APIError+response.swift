/// Errors and values as HTTP responses.

internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Requests

extension APIError: HTTPResponseError {
  func response(from request: Request, context: some RequestContext) -> Response {
    var response = Response.json(json, status: status)
    if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
    if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
    if closesConnection { response.headers[.connection] = "close" }
    return response
  }
}

extension Response {
  /// A response of JSON text.
  static func json(_ data: Data, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  /// A response of one encodable value.
  static func json(_ value: some Encodable) throws -> Response {
    json(try JSONEncoder.api.encode(value))
  }
}
