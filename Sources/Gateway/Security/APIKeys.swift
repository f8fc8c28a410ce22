/// The keys that clients show.

internal import Crypto
internal import Foundation

/// API keys, kept as digests alone. Printing them shows none.
public struct APIKeys: Sendable, CustomStringConvertible {
  private let digests: [SHA256.Digest]

  public var isEmpty: Bool { digests.isEmpty }
  public var description: String { "\(digests.count) API keys" }

  /// One key a line; empty lines and lines that begin with # are skipped.
  ///
  /// Throws `.configuration` for a key with a space in it, or if there is none.
  public init(lines text: String, from source: String) throws(GatewayError) {
    let keys = text.split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    guard !keys.isEmpty else {
      throw GatewayError(
        .configuration, "\(source) holds no API key", remedy: "Write one key on each line")
    }
    for (number, key) in keys.enumerated()
    where !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) || key.utf8.count < 8 {
      throw GatewayError(
        .configuration, "API key \(number + 1) in \(source) cannot be used",
        remedy: "A key has at least 8 characters of ASCII without spaces")
    }
    digests = keys.map { SHA256.hash(data: Data($0.utf8)) }
  }

  /// Reads a file. Throws `.file` or `.configuration`.
  public init(file path: String) throws(GatewayError) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw GatewayError(
        .file, "the file of API keys \(path) cannot be read",
        remedy: "Name a text file with one key on each line")
    }
    try self.init(lines: text, from: path)
  }

  /// Which key this is; nil for none. Takes equally long whichever it is, and whether or not its
  /// first characters are right: digests are compared, each with all.
  func index(of key: String) -> Int? {
    let shown = SHA256.hash(data: Data(key.utf8))
    var found: Int?
    for (index, digest) in digests.enumerated() {
      // Crypto compares digests in constant time.
      let isEqual = digest == shown
      found = isEqual ? index : found
    }
    return found
  }
}
