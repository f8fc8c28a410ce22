/// The page, and what belongs to it.

internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// Files that are held in memory, each under its path.
struct StaticFiles: Sendable {
  struct File: Sendable, Equatable {
    let bytes: [UInt8]
    let type: String
    /// A strong entity tag: of the content.
    let tag: String
  }

  private(set) var files: [String: File] = [:]

  /// Bytes of one file.
  private static let bytesMax = 16 << 20

  private static let types = [
    "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
    "json": "application/json", "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg",
    "jpeg": "image/jpeg", "webp": "image/webp", "ico": "image/x-icon", "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8", "webmanifest": "application/manifest+json",
  ]

  /// Nothing is loaded from elsewhere, nothing is run that is written into the page, and nobody
  /// frames it.
  private static let policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
    "font-src 'self'", "connect-src 'self'", "manifest-src 'self'", "base-uri 'none'",
    "form-action 'none'", "frame-ancestors 'none'",
  ].joined(separator: "; ")

  /// Adds a folder's files under `prefix`; `index.html` also stands for its folder. Files of
  /// unknown type are left out. Throws `.file`.
  mutating func add(_ folder: URL, at prefix: String) throws(GatewayError) {
    let root = folder.resolvingSymlinksInPath().path
    guard let names = FileManager.default.enumerator(atPath: root) else {
      throw GatewayError(.file, "the folder \(folder.path) cannot be read")
    }
    for case let name as String in names {
      let url = folder.appending(path: name)
      guard let type = Self.types[url.pathExtension.lowercased()] else { continue }
      guard let data = try? Data(contentsOf: url), data.count <= Self.bytesMax else {
        throw GatewayError(
          .file, "\(url.path) cannot be read, or is larger than \(Self.bytesMax) bytes")
      }
      let digest = SHA256.hash(data: data).prefix(16).map { String(format: "%02x", $0) }.joined()
      let file = File(bytes: Array(data), type: type, tag: "\"\(digest)\"")
      files["\(prefix)/\(name)"] = file
      if name == "index.html" { files[prefix.isEmpty ? "/" : prefix] = file }
    }
  }

  /// The answer to a request for one of the files.
  static func response(_ file: File, to request: Request) -> Response {
    var headers: HTTPFields = [
      .eTag: file.tag, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
      .contentSecurityPolicy: policy,
    ]
    headers[.referrerPolicy] = "no-referrer"
    headers[.crossOriginResourcePolicy] = "same-origin"
    let tags: [String] = (request.headers[.ifNoneMatch] ?? "").split(separator: ",")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    if !Set(tags).isDisjoint(with: ["*", file.tag, "W/" + file.tag]) {
      return Response(status: .notModified, headers: headers)
    }
    headers[.contentType] = file.type
    return Response(
      status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
  }
}
