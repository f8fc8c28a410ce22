/// What the operator of a gateway chooses.

public import Foundation

/// Settings of a gateway, with the defaults that suit one machine.
public struct GatewaySettings: Sendable {
  /// A name or a numeric address; loopback unless others may reach it.
  public var host = "127.0.0.1"
  /// 0 lets the system choose one.
  public var port = 8080
  /// Whether a host that other machines can reach is allowed without TLS and keys.
  public var isInsecure = false
  /// The keys that clients must show one of; nil: none is asked for.
  public var keys: APIKeys?
  public var tls: TLSFiles?
  /// Origins of web pages that may use the API, or "*".
  public var corsOrigins: [String] = []
  /// Bytes of one request.
  public var bodyBytesMax = 48 << 20
  /// Bytes of all requests that are being read or answered.
  public var bodiesBytesMax = 1 << 30
  /// Pixels of one image.
  public var imagePixelsMax = 64 << 20
  /// Hosts from which images are fetched.
  public var imageHosts: [String] = []
  /// Connections at once.
  public var connectionsMax = 4096
  /// How long a connection may say nothing, in seconds.
  public var idleSeconds = 30
  /// How long a request's body may take to arrive, and a client to read, in seconds.
  public var transferSeconds = 60
  /// How long an answer may take, in seconds.
  public var answerSeconds = 600
  /// How long answers under way may go on when the gateway stops, in seconds.
  public var graceSeconds = 5.0
  /// Further folders that are served, by the first part of their path.
  public var folders: [String: URL] = [:]
  /// Where the page and the API's description are; nil finds them beside the program.
  public var resources: URL?

  public init() {}

  /// Throws `.configuration`, naming the setting and what is missing.
  public func validate() throws(GatewayError) {
    let ranges: [(String, Int, ClosedRange<Int>)] = [
      ("--port", port, 0...65_535), ("--body-limit", bodyBytesMax, 1024...(1 << 30)),
      ("--pixel-limit", imagePixelsMax, 1...(1 << 30)),
      ("--answer-seconds", answerSeconds, 1...86_400),
    ]
    for (name, value, range) in ranges where !range.contains(value) {
      throw GatewayError(
        .configuration, "\(name) is \(value)",
        remedy: "Choose a value from \(range.lowerBound) to \(range.upperBound)")
    }
    try requireProtection()
    for origin in corsOrigins where origin != "*" && !Self.isOrigin(origin) {
      throw GatewayError(
        .configuration, "--cors-origin \(origin) is no origin",
        remedy: "Write it as https://example.com, without a path, or * for all")
    }
    for host in imageHosts where host.isEmpty || host.contains(where: { "/:@ ".contains($0) }) {
      throw GatewayError(
        .configuration, "--allow-image-host \(host) is no host name",
        remedy: "Write the name alone, as in example.com")
    }
  }

  /// Who opens the gateway to other machines does it with keys and TLS, or says so.
  private func requireProtection() throws(GatewayError) {
    guard !isLoopback, !isInsecure else { return }
    var missing: [String] = []
    if tls == nil { missing.append("--tls-certificate and --tls-key") }
    if keys == nil { missing.append("--api-keys") }
    guard missing.isEmpty else {
      throw GatewayError(
        .configuration,
        "--host \(host) can be reached from other machines, without "
          + (tls == nil && keys == nil
            ? "encryption and keys" : tls == nil ? "encryption" : "keys"),
        remedy: "Give \(missing.joined(separator: ", and ")), or allow it with --insecure")
    }
  }

  /// Whether only this machine can reach the gateway.
  var isLoopback: Bool {
    host == "localhost" || host == "::1" || host == "[::1]"
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }

  private static func isOrigin(_ text: String) -> Bool {
    guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty else {
      return false
    }
    return ["http", "https"].contains(url.scheme) && url.path.isEmpty && url.query == nil
      && url.fragment == nil && url.user == nil
  }
}
