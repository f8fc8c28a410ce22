/// Asks a gateway about its cluster.

internal import AsyncHTTPClient
public import Coordinator
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// Reads `GET /cluster` of a gateway.
public struct ClusterStatusClient: Sendable {
  private let url: String
  private let key: String?
  private let authority: String?

  private static let seconds: Int64 = 10
  private static let bytesMax = 16 << 20

  /// - Parameters:
  ///   - url: the gateway's address, such as "http://127.0.0.1:8080".
  ///   - key: an API key, if the gateway asks for one.
  ///   - authority: a PEM file with the certificates to trust instead of the system's.
  ///
  /// Throws `.configuration` for an address that is none.
  public init(url: String, key: String? = nil, authority: String? = nil) throws(GatewayError) {
    guard let parts = URLComponents(string: url), let host = parts.host, !host.isEmpty,
      ["http", "https"].contains(parts.scheme?.lowercased())
    else {
      throw GatewayError(
        .configuration, "\"\(url)\" is not the address of a gateway",
        remedy: "Write it as http://127.0.0.1:8080")
    }
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.key = key
    self.authority = authority
  }

  /// Throws `.unreachable` if nothing answers there, or something else than a gateway.
  public func status() async throws(GatewayError) -> ClusterStatus {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout.connect = .seconds(5)
    configuration.connectionPool.retryConnectionEstablishment = false
    if let authority {
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.trustRoots = .file(authority)
      configuration.tlsConfiguration = tls
    }
    let client = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
      configuration: configuration)
    let result: Result<ClusterStatus, GatewayError>
    do throws(GatewayError) { result = .success(try await ask(client)) } catch {
      result = .failure(error)
    }
    try? await client.shutdown()
    return try result.get()
  }

  private func ask(_ client: HTTPClient) async throws(GatewayError) -> ClusterStatus {
    var request = HTTPClientRequest(url: url + "/cluster")
    if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
    let status: HTTPResponseStatus
    let body: ByteBuffer
    do {
      let response = try await client.execute(request, timeout: .seconds(Self.seconds))
      status = response.status
      body = try await response.body.collect(upTo: Self.bytesMax)
    } catch let error as NIOSSLError {
      throw GatewayError(
        .unreachable, "no secure connection to \(url): \(error)",
        remedy: "Name the certificate to trust with --tls-ca")
    } catch {
      throw GatewayError(
        .unreachable, "nothing answers at \(url)",
        remedy: "Start a cluster with `chatspot up`, or name its gateway with --url")
    }
    guard status != .unauthorized else {
      throw GatewayError(
        .unreachable, "the gateway at \(url) asks for an API key",
        remedy: "Set CHATSPOT_API_KEY to one of its keys")
    }
    guard status == .ok,
      let cluster = try? JSONDecoder().decode(
        ClusterStatus.self, from: Data(body.readableBytesView))
    else {
      throw GatewayError(
        .unreachable, "what answers at \(url) is no gateway of ChatSpot (status \(status.code))",
        remedy: "Name the gateway with --url")
    }
    return cluster
  }
}
