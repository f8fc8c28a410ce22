/// What the coordinator refuses, as an error of the API.

internal import Coordinator
internal import HTTPTypes
internal import Requests

extension APIError {
  /// - Parameter retryAfter: seconds after which to try again, where that helps.
  init(_ error: any Error, retryAfter: Int) {
    switch error {
    case let error as APIError:
      self = error
    case let error as CoordinatorError:
      self.init(error, retryAfter: retryAfter)
    case is HungUp:
      self = .hungUp
    case is CancellationError:
      self = .stopping
    default:
      // The cause is for the log; a client can do nothing with it.
      self.init(
        status: .internalServerError, message: "something broke inside the server", type: .server,
        code: "internal")
    }
  }

  private init(_ error: CoordinatorError, retryAfter: Int) {
    let (status, type, retries): (HTTPResponse.Status, Kind, Bool) =
      switch error.code {
      case .invalidQuery, .invalidImage: (.badRequest, .invalidRequest, false)
      case .overloaded: (.tooManyRequests, .overloaded, true)
      case .unavailable, .noRoom, .unreachable: (.serviceUnavailable, .unavailable, true)
      case .deadline: (.gatewayTimeout, .timeout, false)
      case .lost, .configuration, .internal: (.internalServerError, .server, false)
      }
    self.init(
      status: status, message: error.description, type: type, code: error.code.apiCode,
      retryAfter: retries ? retryAfter : nil)
  }

  /// The client has gone; nobody reads this but the measurements.
  static let hungUp = APIError(
    status: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"),
    message: "the client has hung up", type: .invalidRequest, code: "hung_up")

  /// The server is on its way down.
  static let stopping = APIError(
    status: .serviceUnavailable, message: "the server is stopping", type: .unavailable,
    code: "stopping", retryAfter: 5)
}

extension CoordinatorError.Code {
  /// The code as clients see it.
  var apiCode: String {
    switch self {
    case .invalidQuery: "invalid_query"
    case .invalidImage: "invalid_image"
    case .overloaded: "overloaded"
    case .unavailable: "unavailable"
    case .deadline: "deadline_exceeded"
    case .noRoom: "no_room"
    case .unreachable: "unreachable"
    case .lost: "lost"
    case .configuration: "configuration"
    case .internal: "internal"
    }
  }
}
