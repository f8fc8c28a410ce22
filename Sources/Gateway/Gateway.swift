/// The HTTP face of a cluster. It runs in the coordinator's process.

internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
public import Journal
public import Logging
internal import NIOCore
internal import ServiceLifecycle

/// Listens for HTTP requests and answers them from a cluster.
public actor Gateway {
  private let api: GatewayAPI
  private let cluster: any ServingCluster
  private let settings: GatewaySettings
  private let logger: Logger
  private var group: ServiceGroup?
  private var resuming: Task<Void, Never>?
  private var serving: Task<Void, any Error>?

  /// - Parameter journal: where requests are written down; what it holds unfinished is finished.
  ///
  /// Throws ``GatewayError``: `.configuration` for a setting, `.file` for a file that is missing.
  public init(
    cluster: any ServingCluster, text: ServedText, settings: GatewaySettings,
    metrics: PrometheusRegistry, journal: Journal? = nil, logger: Logger
  ) throws {
    try settings.validate()
    self.settings = settings
    self.logger = logger
    self.cluster = cluster
    api = try GatewayAPI(
      cluster: cluster, text: text, settings: settings, metrics: metrics, journal: journal,
      logger: logger)
  }

  /// Listens, and returns the address, such as `http://127.0.0.1:8080`. Throws ``GatewayError``.
  public func start() async throws -> String {
    let (ports, continuation) = AsyncThrowingStream<Int, any Error>.makeStream()
    var connections = logger
    connections.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      router: api.router(), server: try server(),
      configuration: ApplicationConfiguration(
        address: .hostname(Self.bare(settings.host), port: settings.port),
        availableConnectionsDelegate: MaximumAvailableConnections(settings.connectionsMax)),
      onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: connections)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(services: [application], logger: connections))
    self.group = group
    serving = Task {
      do { try await group.run() } catch {
        continuation.finish(throwing: error)
        throw error
      }
      continuation.finish()
    }
    do {
      for try await port in ports {
        resuming = Task { [journal = api.journal, cluster] in await journal?.resume(cluster) }
        return address(port: port)
      }
    } catch {
      throw listening(error)
    }
    throw GatewayError(.notListening, "the gateway ended before it listened")
  }

  /// Takes no more requests, lets answers under way go on for the settings' grace, then ends them
  /// with an error.
  public func stop() async {
    guard let group, let serving else { return }
    api.running.stop()
    await group.triggerGracefulShutdown()
    let grace = Duration.seconds(settings.graceSeconds)
    let ending = Task { [running = api.running] in
      try await Task.sleep(for: grace)
      running.end(.stopping)
    }
    await api.running.finished()
    ending.cancel()
    let closing = Task {
      try await Task.sleep(for: .seconds(1))
      serving.cancel()
    }
    _ = await serving.result
    closing.cancel()
    self.serving = nil
  }

  private func server() throws -> HTTPServerBuilder {
    let (bytes, seconds) = (settings.bodyBytesMax, settings.transferSeconds)
    let http = HTTPServerBuilder.http1(
      configuration: HTTP1Channel.Configuration(
        additionalChannelHandlers: [
          ConnectionWatch(bodyBytesMax: bytes, writeTimeout: .seconds(Int64(seconds)))
        ],
        idleTimeout: .seconds(Int64(settings.idleSeconds)),
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100)))
    guard let tls = settings.tls else { return http }
    return try .tls(http, tlsConfiguration: try tls.configuration())
  }

  private func address(port: Int) -> String {
    let host = Self.bare(settings.host)
    return "\(settings.tls == nil ? "http" : "https")://"
      + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
  }

  private func listening(_ error: any Error) -> GatewayError {
    if let error = error as? GatewayError { return error }
    let place = "port \(settings.port) of \(settings.host)"
    switch (error as? IOError)?.errnoCode {
    case EADDRINUSE:
      return GatewayError(
        .notListening, "\(place) is in use",
        remedy: "Choose another with --port, or --port 0 for any; --no-http does without")
    case EACCES:
      return GatewayError(
        .notListening, "\(place) is not open to this user", remedy: "Choose one above 1023")
    case EADDRNOTAVAIL:
      return GatewayError(
        .notListening, "\(settings.host) is no address of this machine",
        remedy: "Choose one with --host")
    default:
      return GatewayError(
        .notListening, "\(place) cannot be listened on: \(error)",
        remedy: "Check --host and --port")
    }
  }

  /// A numeric IPv6 address without its brackets.
  private static func bare(_ host: String) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
  }
}
