/// Errors as clients of OpenAI's API know them.

package import Foundation
package import HTTPTypes

/// An error that a request is answered with: `{"error": {message, type, param, code}}`.
package struct APIError: Error, Equatable, Sendable {
  package let status: HTTPResponse.Status
  /// For people: the cause, then what to do about it.
  package var message: String
  /// OpenAI's class of the error.
  package let type: Kind
  /// The field that is wrong, as a path such as `messages[0].content[1].image_url`.
  package var param: String?
  /// For programs; may be missing.
  package var code: String?
  /// After how many seconds to try again.
  package var retryAfter: Int?
  /// Whether the rest of the request is not read, so that the connection cannot go on.
  package var closesConnection = false

  package init(
    status: HTTPResponse.Status, message: String, type: Kind, param: String? = nil,
    code: String? = nil, retryAfter: Int? = nil, closesConnection: Bool = false
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.param = param
    self.code = code
    self.retryAfter = retryAfter
    self.closesConnection = closesConnection
  }

  package enum Kind: String, Sendable, Encodable {
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
  package static func invalid(_ message: String, param: String? = nil, code: String? = nil)
    -> APIError
  {
    APIError(status: .badRequest, message: message, type: .invalidRequest, param: param, code: code)
  }

  /// The error object as JSON.
  package var json: Data {
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
