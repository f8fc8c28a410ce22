/// The files that TLS needs.

internal import Foundation
internal import NIOSSL

/// A certificate chain and its private key, in PEM files.
public struct TLSFiles: Sendable, Equatable {
  public let certificate: String
  public let key: String

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }

  /// TLS 1.2 or later. Throws `.file` or `.configuration`, naming the file.
  func configuration() throws(GatewayError) -> TLSConfiguration {
    let chain: [NIOSSLCertificate]
    do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
      throw Self.unreadable(certificate, "a certificate chain")
    }
    guard !chain.isEmpty else { throw Self.unreadable(certificate, "a certificate chain") }
    let privateKey: NIOSSLPrivateKey
    do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
      throw Self.unreadable(key, "a private key without a passphrase")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do { _ = try NIOSSLContext(configuration: configuration) } catch {
      throw GatewayError(
        .configuration, "the key in \(key) is not that of the certificate in \(certificate)",
        remedy: "Name the key that the certificate was made for")
    }
    return configuration
  }

  private static func unreadable(_ path: String, _ content: String) -> GatewayError {
    FileManager.default.isReadableFile(atPath: path)
      ? GatewayError(.file, "\(path) does not hold \(content)", remedy: "It must be a PEM file")
      : GatewayError(.file, "\(path) cannot be read", remedy: "It must be a PEM file")
  }
}
