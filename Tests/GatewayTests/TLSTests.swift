/// HTTPS.

import Foundation
import Logging
import Testing

@testable import Gateway

@Suite("TLS", .timeLimit(.minutes(5)))
struct TLSTests {
  /// A certificate for localhost that signs itself, its key, and another key. For tests alone.
  private static func fixture(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name)").path
  }

  @Test("over TLS the status is read by who trusts the certificate, and by nobody else")
  func https() async throws {
    var settings = GatewaySettings()
    settings.port = 0
    settings.tls = TLSFiles(
      certificate: Self.fixture("certificate.pem"), key: Self.fixture("key.pem"))
    settings.keys = try APIKeys(lines: "some-key-1", from: "test")
    let gateway = try Gateway(
      cluster: FakeCluster("red"), text: .fake, settings: settings, metrics: PrometheusRegistry(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let url = try await gateway.start()
    #expect(url.hasPrefix("https://127.0.0.1:"))
    let trusting = try ClusterStatusClient(
      url: url, key: "some-key-1", authority: Self.fixture("certificate.pem"))
    #expect(try await trusting.status() == FakeCluster.standardStatus)
    for (client, remedy) in [
      (try ClusterStatusClient(url: url, key: "some-key-1"), "--tls-ca"),
      (
        try ClusterStatusClient(url: url, authority: Self.fixture("certificate.pem")),
        "CHATSPOT_API_KEY"
      ),
    ] {
      let error = await #expect(throws: GatewayError.self) { try await client.status() }
      #expect(error?.remedy.contains(remedy) == true, "\(error as Any)")
    }
    await gateway.stop()
  }

  @Test(
    "files that are missing, that hold something else or do not belong together are named",
    arguments: [
      ("nowhere.pem", "key.pem", "nowhere.pem cannot be read"),
      ("certificate.pem", "nowhere.pem", "nowhere.pem cannot be read"),
      ("key.pem", "key.pem", "key.pem does not hold a certificate"),
      ("certificate.pem", "certificate.pem", "does not hold a private key"),
      ("certificate.pem", "other-key.pem", "other-key.pem is not that of the certificate"),
    ])
  func badFiles(certificate: String, key: String, reason: String) {
    let files = TLSFiles(certificate: Self.fixture(certificate), key: Self.fixture(key))
    let error = #expect(throws: GatewayError.self) { try files.configuration() }
    #expect(error?.message.contains(reason) == true, "\(error as Any)")
  }
}
