/// Images at an address, from the hosts that the operator allows.

internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Requests

/// Fetches images. No host is allowed unless the operator names it.
///
/// A name is resolved once, its address must be public, and the connection goes to the address
/// that was checked, so that a name cannot point elsewhere in between. Redirects are not
/// followed.
struct RemoteImages: Sendable {
  /// Host names in small letters.
  let hosts: Set<String>
  let bytesMax: Int
  var timeout = Duration.seconds(15)
  /// Which addresses may be connected to.
  var isAllowed: @Sendable (SocketAddress) -> Bool = PublicAddress.isPublic

  /// Throws an ``APIError`` that names `path`.
  func file(at address: String, _ path: FieldPath) async throws -> [UInt8] {
    guard let url = URLComponents(string: address), let scheme = url.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = url.host?.lowercased(), !host.isEmpty,
      url.user == nil, url.password == nil
    else {
      throw path.error(
        "is neither a data: URI nor an http(s) address; write data:image/png;base64, and then "
          + "the bytes", code: "invalid_image")
    }
    guard hosts.contains(host) else {
      throw path.error(
        "is on \(host.prefix(80)), from which this server does not fetch; send the image as a "
          + "data: URI", code: "host_not_allowed")
    }
    let port = url.port ?? (scheme == "https" ? 443 : 80)
    // Written anew, so that no other reading of the address leads to another host.
    let query = url.percentEncodedQuery.map { "?\($0)" } ?? ""
    let target = "\(scheme)://\(host):\(port)\(url.percentEncodedPath)\(query)"
    do {
      return try await fetch(target, host: host, port: port)
    } catch let problem as Problem {
      throw path.error("could not be fetched: \(problem.reason)", code: "image_not_fetched")
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      throw path.error(
        "could not be fetched: no answer from \(host)", code: "image_not_fetched")
    }
  }

  private struct Problem: Error {
    let reason: String
  }

  private func fetch(_ address: String, host: String, port: Int) async throws -> [UInt8] {
    let target = try await resolve(host, port: port)
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.dnsOverride = [host: target]
    configuration.httpVersion = .http1Only
    configuration.timeout.connect = .seconds(5)
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.maximumUsesPerConnection = 1
    let client = HTTPClient(
      eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
      configuration: configuration)
    let result: Result<[UInt8], any Error>
    do { result = .success(try await download(address, with: client)) } catch {
      result = .failure(error)
    }
    try? await client.shutdown()
    return try result.get()
  }

  private func download(_ address: String, with client: HTTPClient) async throws -> [UInt8] {
    var request = HTTPClientRequest(url: address)
    request.headers.add(name: "accept", value: "image/jpeg, image/png, image/webp")
    let deadline = NIODeadline.now() + TimeAmount(timeout)
    let response = try await client.execute(request, deadline: deadline)
    guard response.status == .ok else {
      throw Problem(reason: "its server answers \(response.status.code)")
    }
    var bytes: [UInt8] = []
    for try await part in response.body {
      guard bytes.count + part.readableBytes <= bytesMax else {
        throw Problem(reason: "it is larger than \(bytesMax) bytes")
      }
      bytes.append(contentsOf: part.readableBytesView)
    }
    return bytes
  }

  /// A numeric address of the host. Throws if it may not be connected to.
  private func resolve(_ host: String, port: Int) async throws -> String {
    let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    let address = try? await NIOThreadPool.singleton.runIfActive {
      try SocketAddress.makeAddressResolvingHost(name, port: port)
    }
    guard let address, let target = address.ipAddress else {
      throw Problem(reason: "there is no host \(name.prefix(80))")
    }
    guard isAllowed(address) else {
      throw Problem(reason: "\(name.prefix(80)) is not on the public internet")
    }
    return target
  }
}
