/// Requests to the API's router, without sockets.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Journal
import NIOCore
import Testing

@testable import Gateway

/// What the API answered.
struct APIAnswer: Sendable {
  let status: Int
  let headers: HTTPFields
  let text: String

  /// The body as a JSON object.
  var object: [String: Any] {
    get throws {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
  }

  /// The error object's field.
  func error(_ field: String) throws -> String? {
    try (object["error"] as? [String: Any])?[field] as? String
  }

  /// The events of a stream, `[DONE]` and the form of each checked.
  func events() throws -> [[String: Any]] {
    #expect(text.hasSuffix("data: [DONE]\n\n"))
    return try text.components(separatedBy: "\n\n").dropLast(2).map { event in
      #expect(event.hasPrefix("data: ") && !event.contains("\n"))
      return try #require(
        try JSONSerialization.jsonObject(with: Data(event.dropFirst(6).utf8)) as? [String: Any])
    }
  }
}

/// The API over a cluster, asked in process.
struct APIClient {
  let api: GatewayAPI

  init(
    _ cluster: FakeCluster, metrics: PrometheusRegistry = PrometheusRegistry(),
    journal: Journal? = nil,
    _ change: (inout GatewaySettings) -> Void = { _ in }
  ) throws {
    var settings = GatewaySettings()
    settings.host = "0.0.0.0"
    change(&settings)
    api = try GatewayAPI(
      cluster: cluster, text: .fake, settings: settings, metrics: metrics,
      journal: journal)
  }

  func send(
    _ method: HTTPRequest.Method, _ path: String, headers: HTTPFields = [:], body: String? = nil
  ) async throws -> APIAnswer {
    let application = Application(router: api.router())
    return try await application.test(.router) { client in
      let response = try await client.executeRequest(
        uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
      return APIAnswer(
        status: response.status.code, headers: response.headers,
        text: String(buffer: response.body))
    }
  }

  func post(_ path: String, _ body: String, headers: HTTPFields = [:]) async throws -> APIAnswer {
    try await send(.post, path, headers: headers, body: body)
  }

  func chat(_ body: String) async throws -> APIAnswer {
    try await post("/v1/chat/completions", body)
  }
}

enum Picture {
  /// A PNG of one red pixel.
  static let onePixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLv"
    + "AAAAAElFTkSuQmCC"
  /// A PNG whose header claims 30,000 × 30,000 pixels.
  static let bomb =
    "iVBORw0KGgoAAAANSUhEUgAAdTAAAHUwCAIAAADpRW/tAAAAC0lEQVR4nGNggAEAAAoAAX+AdF4A"
    + "AAAASUVORK5CYII="

  /// A content part with the picture.
  static func part(_ base64: String = onePixel) -> String {
    #"{"type": "image_url", "image_url": {"url": "data:image/png;base64,\#(base64)"}}"#
  }
}
