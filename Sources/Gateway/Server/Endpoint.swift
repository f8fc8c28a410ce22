/// Everything that the API answers, in one place.

internal import HTTPTypes

/// One method of one path. `/openapi.json` describes each of them.
enum Endpoint: String, CaseIterable, Sendable {
  case chatCompletions = "/v1/chat/completions"
  case chatCompletion = "/v1/chat/completions/{id}"
  case completions = "/v1/completions"
  case completion = "/v1/completions/{id}"
  case models = "/v1/models"
  case model = "/v1/models/{model}"
  case tokenize = "/tokenize"
  case detokenize = "/detokenize"
  case cluster = "/cluster"
  case metrics = "/metrics"
  case live = "/live"
  case ready = "/ready"
  case openapi = "/openapi.json"

  var path: String { rawValue }

  var method: HTTPRequest.Method {
    switch self {
    case .chatCompletions, .completions, .tokenize, .detokenize: .post
    default: .get
    }
  }

  /// Whether a key must be shown, where keys are asked for.
  var needsKey: Bool {
    switch self {
    case .live, .ready, .openapi: false
    default: true
    }
  }

  /// The endpoint of a request's path, whatever its method.
  init?(path: some StringProtocol) {
    if let exact = Endpoint(rawValue: String(path)), !exact.path.contains("{") {
      self = exact
      return
    }
    let named = [Endpoint.model, .chatCompletion, .completion].first { endpoint in
      let prefix = endpoint.path.prefix { $0 != "{" }
      return path.hasPrefix(prefix) && path.utf8.count > prefix.utf8.count
        && !path.dropFirst(prefix.count).contains("/")
    }
    guard let named else { return nil }
    self = named
  }
}
