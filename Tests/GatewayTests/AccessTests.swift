/// Keys, origins, hosts, and what may not be set.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing
import Wire

@testable import Gateway

@Suite("who may ask", .timeLimit(.minutes(5)))
struct AccessTests {
  private static let keys = "# ours\n  first-key-1 \n\nsecond-key-2\n"

  private func client(_ change: (inout GatewaySettings) -> Void = { _ in }) throws -> APIClient {
    let keys = try APIKeys(lines: Self.keys, from: "test")
    return try APIClient(FakeCluster("red")) {
      $0.keys = keys
      change(&$0)
    }
  }

  @Test("every endpoint but health, the description and the page asks for a key")
  func keys() async throws {
    let client = try client()
    for endpoint in Endpoint.allCases {
      let path = endpoint.path.replacing("{model}", with: "mini")
      let bare = try await client.send(endpoint.method, path, body: "{}")
      #expect((bare.status == 401) == endpoint.needsKey, "\(path)")
      if endpoint.needsKey { #expect(bare.headers[.wwwAuthenticate] == "Bearer") }
    }
    for path in ["//v1//models", "/v1/models/", "/v1/models//", "/v1/models?x", "/cluster/"] {
      #expect([401, 404].contains(try await client.send(.get, path).status), "\(path)")
    }
    #expect(try await client.send(.get, "/").status == 200)
    for (shown, status) in [
      ("Bearer first-key-1", 200), ("bearer  second-key-2", 200), ("Bearer first-key-", 401),
      ("Bearer first-key-12", 401), ("Basic first-key-1", 401), ("Bearer ", 401),
      ("Bearer # ours", 401),
    ] {
      let answer = try await client.send(.get, "/v1/models", headers: [.authorization: shown])
      #expect(answer.status == status, "\(shown)")
    }
  }

  @Test("the user of one key cannot pass for the user of another")
  func users() async throws {
    let cluster = FakeCluster("red")
    let keys = try APIKeys(lines: Self.keys, from: "test")
    let client = try APIClient(cluster) { $0.keys = keys }
    for key in ["first-key-1", "second-key-2"] {
      _ = try await client.post(
        "/v1/completions", #"{"prompt": "x", "user": "ada"}"#,
        headers: [.authorization: "Bearer \(key)"])
    }
    #expect(cluster.asked.map(\.user) == ["key-0/ada", "key-1/ada"])
  }

  @Test("keys are shown nowhere, and bad lists of keys are refused")
  func keyList() throws {
    let keys = try APIKeys(lines: Self.keys, from: "test")
    var dumped = ""
    dump(keys, to: &dumped)
    #expect(!"\(keys) \(dumped) \(String(reflecting: keys))".contains("key-1"))
    #expect("\(keys)" == "2 API keys")
    for bad in ["", "# none", "short", "with a space in it", "ключ-ключ"] {
      #expect(throws: GatewayError.self) { try APIKeys(lines: bad, from: "test") }
    }
    #expect(throws: GatewayError.self) { try APIKeys(file: "/nowhere/keys") }
  }

  @Test("pages of other origins are kept away, unless they are allowed")
  func origins() async throws {
    let body = #"{"prompt": "x"}"#
    let closed = try APIClient(FakeCluster("red"))
    let own = try await closed.post(
      "/v1/completions", body, headers: [.origin: "http://localhost"])
    #expect(own.status == 200 && own.headers[.accessControlAllowOrigin] == nil)
    let other = try await closed.post(
      "/v1/completions", body, headers: [.origin: "https://example.com"])
    #expect(other.status == 403)
    let open = try APIClient(FakeCluster("red")) { $0.corsOrigins = ["https://example.com"] }
    let allowed = try await open.post(
      "/v1/completions", body, headers: [.origin: "https://example.com"])
    #expect(allowed.status == 200)
    #expect(allowed.headers[.accessControlAllowOrigin] == "https://example.com")
    let refused = try await open.post("/v1/completions", body, headers: [.origin: "https://x.org"])
    #expect(refused.status == 403 && refused.headers[.accessControlAllowOrigin] == nil)
    let preflight = try await open.send(
      .options, "/v1/chat/completions",
      headers: [
        .origin: "https://example.com", .accessControlRequestMethod: "POST",
        .accessControlRequestHeaders: "authorization, x-stainless-os",
      ])
    #expect(preflight.status == 204)
    #expect(preflight.headers[.accessControlAllowHeaders] == "authorization, x-stainless-os")
    let error = try await open.post(
      "/v1/completions", "{}", headers: [.origin: "https://example.com"])
    #expect(error.status == 400)
    #expect(error.headers[.accessControlAllowOrigin] == "https://example.com")
  }

  @Test("a name that is made to point at this machine is not served on loopback")
  func hosts() async throws {
    let api = try APIClient(FakeCluster("red")) { $0.host = "127.0.0.1" }.api
    let application = Application(
      router: api.router(),
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)))
    try await application.test(.live) { client in
      let port = try #require(client.port)
      for (host, status) in [
        ("localhost:\(port)", 200), ("127.0.0.1:\(port)", 200), ("[::1]:\(port)", 200),
        ("evil.example:\(port)", 403), ("127.0.0.1.evil.example", 403),
      ] {
        let answer = try await Self.get("/v1/models", host: host, port: port)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(host): \(answer.prefix(40))")
      }
    }
  }

  private static func get(_ path: String, host: String, port: Int) async throws -> String {
    let connection = try await RawConnection(port: port)
    try await connection.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
    return await connection.received()
  }

  @Test(
    "a host that others can reach needs TLS and keys, or --insecure",
    arguments: [
      ("127.0.0.1", false, false, nil), ("localhost", false, false, nil),
      ("127.8.0.1", false, false, nil), ("::1", false, false, nil),
      ("0.0.0.0", false, false, "--tls-certificate and --tls-key, and --api-keys"),
      ("0.0.0.0", true, false, "Give --tls-certificate and --tls-key, or"),
      ("example.com", false, true, "Give --api-keys, or"), ("127.evil.example", false, false, ""),
      ("::", true, true, nil),
    ] as [(String, Bool, Bool, String?)])
  func protection(host: String, hasKeys: Bool, hasTLS: Bool, missing: String?) throws {
    var settings = GatewaySettings()
    settings.host = host
    if hasKeys { settings.keys = try APIKeys(lines: Self.keys, from: "test") }
    if hasTLS { settings.tls = TLSFiles(certificate: "c.pem", key: "k.pem") }
    guard let missing else { return try settings.validate() }
    let error = #expect(throws: GatewayError.self) { try settings.validate() }
    if !missing.isEmpty { #expect(error?.remedy.contains(missing) == true, "\(error as Any)") }
    settings.isInsecure = true
    try settings.validate()
  }

  @Test("settings that cannot be are refused with a remedy")
  func settings() throws {
    let changes: [(inout GatewaySettings) -> Void] = [
      { $0.port = 70_000 }, { $0.bodyBytesMax = 3 }, { $0.imagePixelsMax = 0 },
      { $0.corsOrigins = ["example.com"] }, { $0.corsOrigins = ["https://example.com/x"] },
      { $0.imageHosts = ["https://example.com"] }, { $0.imageHosts = [""] },
    ]
    for change in changes {
      var settings = GatewaySettings()
      change(&settings)
      let error = #expect(throws: GatewayError.self) { try settings.validate() }
      #expect(error?.remedy.isEmpty == false)
    }
  }
}
