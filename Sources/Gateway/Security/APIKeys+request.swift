/// The key that a request shows.

internal import HTTPTypes
internal import Requests

extension APIKeys {
  /// Which key the request shows. Throws an ``APIError`` with status 401 if it is none.
  func index(in headers: HTTPFields) throws -> Int {
    let scheme = "bearer "
    let shown = headers[.authorization].flatMap { value in
      value.prefix(scheme.count).lowercased() == scheme
        ? value.dropFirst(scheme.count).trimmingPrefix(while: \.isWhitespace) : nil
    }
    guard let shown, !shown.isEmpty else {
      throw Self.unauthorized(
        "no API key is shown; send the header \"Authorization: Bearer KEY\"")
    }
    guard let index = index(of: String(shown)) else {
      throw Self.unauthorized("the API key is not one of this server's")
    }
    return index
  }

  private static func unauthorized(_ message: String) -> APIError {
    APIError(
      status: .unauthorized, message: message, type: .authentication, code: "invalid_api_key",
      closesConnection: true)
  }
}
