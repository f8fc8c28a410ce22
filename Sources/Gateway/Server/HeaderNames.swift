/// Header names that HTTPTypes does not have.

internal import HTTPTypes

extension HTTPField.Name {
  static let referrerPolicy = known("Referrer-Policy")
  static let requestID = known("X-Request-ID")
  /// Asks proxies to pass a stream on as it comes.
  static let xAccelBuffering = known("X-Accel-Buffering")

  /// A name that is written here, and valid.
  private static func known(_ name: String) -> HTTPField.Name {
    guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no header") }
    return field
  }
}
