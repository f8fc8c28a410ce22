/// Errors as clients of OpenAI's API know them.

internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// An error that a request is answered with: `{"error": {message, type, param, code}}`.
struct APIError: Error, Equatable, Sendable {
  let status: HTTPResponse.Status
  /// For people: the cause, then what to do about it.
  var message: String
  /// OpenAI's class of the error.
  let type: Kind
  /// The field that is wrong, as a path such as `messages[0].content[1].image_url`.
  var param: String?
  /// For programs; may be missing.
  var code: String?
  /// After how many seconds to try again.
  var retryAfter: Int?
  /// Whether the rest of the request is not read, so that the connection cannot go on.
  var closesConnection = false

  enum Kind: String, Sendable, Encodable {
    case invalidRequest = "invalid_request_error"
    case authentication = "authentication_error"
    case permission = "permission_error"
    case notFound = "not_found_error"
    case overloaded = "rate_limit_error"
    case unavailable = "service_unavailable_error"
    case timeout = "timeout_error"
    case server = "server_error"
  }

  /// A field of the request is wrong: status 400.
  static func invalid(_ message: String, param: String? = nil, code: String? = nil) -> APIError {
    APIError(status: .badRequest, message: message, type: .invalidRequest, param: param, code: code)
  }

  /// The error object as JSON.
  var json: Data {
    let body = Body(
      error: Body.Fields(message: message, type: type, param: param, code: code))
    // Strings alone: encoding cannot fail.
    return (try? JSONEncoder.api.encode(body)) ?? Data("{}".utf8)
  }

  private struct Body: Encodable {
    struct Fields: Encodable {
      let message: String
      let type: Kind
      let param: String?
      let code: String?

      enum CodingKeys: String, CodingKey { case message, type, param, code }

      /// OpenAI's clients expect all four, null where there is none.
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(message, forKey: .message)
        try container.encode(type, forKey: .type)
        try container.encode(param, forKey: .param)
        try container.encode(code, forKey: .code)
      }
    }

    let error: Fields
  }
}

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

extension JSONEncoder {
  /// How all JSON of the API is written: the same value gives the same bytes.
  static let api: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()
}
