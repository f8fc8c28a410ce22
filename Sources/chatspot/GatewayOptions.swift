/// The HTTP gateway on the command line.

import ArgumentParser
import Coordinator
import Foundation
import Gateway
import Journal
import Logging

/// Options of the gateway, which `coordinator` and `up` share.
struct GatewayOptions: ParsableArguments {
  @Option(help: "The gateway's port; 0 lets the system choose one.")
  var port = GatewaySettings().port

  @Option(
    help: """
      The gateway's host. One that other machines can reach needs --tls-certificate, --tls-key and \
      --api-keys, or --insecure.
      """)
  var host = GatewaySettings().host

  @Flag(help: "Run without the gateway: no API, no page.")
  var noHTTP = false

  @Option(
    help: ArgumentHelp(
      """
      A file with one API key on each line, one of which clients must show. Default: the keys in \
      CHATSPOT_API_KEYS, separated by commas, if it is set.
      """, valueName: "file"))
  var apiKeys: String?

  @Option(help: ArgumentHelp("The certificate chain, for HTTPS.", valueName: "PEM file"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The certificate's private key.", valueName: "PEM file"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      "An origin whose web pages may use the API, or * for all; may be repeated.",
      valueName: "origin"))
  var corsOrigin: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Write accepted requests down in this file, with their images and answers, so that a \
      coordinator that comes back finishes them; GET /v1/chat/completions/ID fetches an answer.
      """, valueName: "file"))
  var journal: String?

  @Option(help: "How many hours the journal keeps answers.")
  var journalKeep = 24

  @Option(help: "Most bytes of one request.")
  var bodyLimit = GatewaySettings().bodyBytesMax

  @Option(help: "Most pixels of one image.")
  var pixelLimit = GatewaySettings().imagePixelsMax

  @Option(help: "Most seconds that an answer may take.")
  var answerSeconds = GatewaySettings().answerSeconds

  @Option(
    help: ArgumentHelp(
      """
      A host from which images may be fetched for clients; may be repeated. Default: none, images \
      come as data: URIs.
      """, valueName: "host"))
  var allowImageHost: [String] = []

  private static let keysVariable = "CHATSPOT_API_KEYS"

  func validate() throws {
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key belong together.")
    }
    guard (1...8760).contains(journalKeep) else {
      throw ValidationError("--journal-keep takes 1 to 8760 hours.")
    }
    guard journal == nil || !noHTTP else {
      throw ValidationError("--journal is for requests over HTTP; it goes without --no-http.")
    }
  }

  /// Throws ``GatewayError`` for files that cannot be read and settings that are not safe.
  func settings(isInsecure: Bool) throws -> GatewaySettings {
    var settings = GatewaySettings()
    settings.port = port
    settings.host = host
    settings.isInsecure = isInsecure
    settings.keys = try keys()
    if let tlsCertificate, let tlsKey {
      settings.tls = TLSFiles(certificate: tlsCertificate, key: tlsKey)
    }
    settings.corsOrigins = corsOrigin
    settings.bodyBytesMax = bodyLimit
    settings.imagePixelsMax = pixelLimit
    settings.answerSeconds = answerSeconds
    settings.imageHosts = allowImageHost
    if let samples = EmbeddedModel.samples { settings.folders["samples"] = samples }
    try settings.validate()
    return settings
  }

  private func keys() throws -> APIKeys? {
    if let apiKeys { return try APIKeys(file: apiKeys) }
    guard let keys = ProcessInfo.processInfo.environment[Self.keysVariable] else { return nil }
    return try APIKeys(
      lines: keys.split(separator: ",").joined(separator: "\n"), from: Self.keysVariable)
  }

  /// Starts a gateway, and announces its address. Nil without one.
  func start(
    for coordinator: Coordinator, of model: ServedModel, isInsecure: Bool, logger: Logger
  ) async throws -> Gateway? {
    guard !noHTTP else { return nil }
    let journal = try journal.map { path in
      var settings = JournalSettings(path: path)
      settings.keepSeconds = Double(journalKeep) * 3600
      return try Journal(settings)
    }
    let gateway = try Gateway(
      cluster: coordinator, text: ServedText(model),
      settings: try settings(isInsecure: isInsecure), metrics: .installed, journal: journal,
      logger: logger)
    announce("http \(try await gateway.start())")
    return gateway
  }

  /// The same as arguments, for a child process. Keys from the environment it finds there itself.
  var arguments: [String] {
    if noHTTP { return ["--no-http"] }
    var arguments = [
      "--port", "\(port)", "--host", host, "--body-limit", "\(bodyLimit)", "--pixel-limit",
      "\(pixelLimit)", "--answer-seconds", "\(answerSeconds)",
    ]
    if let journal {
      arguments += ["--journal", journal, "--journal-keep", "\(journalKeep)"]
    }
    if let apiKeys { arguments += ["--api-keys", apiKeys] }
    if let tlsCertificate { arguments += ["--tls-certificate", tlsCertificate] }
    if let tlsKey { arguments += ["--tls-key", tlsKey] }
    arguments += corsOrigin.flatMap { ["--cors-origin", $0] }
    return arguments + allowImageHost.flatMap { ["--allow-image-host", $0] }
  }
}
