/// The name of a tensor by its content.

/// SHA-256 in hexadecimal: 64 characters.
struct ContentName: Hashable, Sendable, CustomStringConvertible {
  let description: String

  init(_ digest: [UInt8]) {
    let digits = Array("0123456789abcdef")
    description = digest.reduce(into: "") { text, byte in
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
  }

  /// The content of which a file of the cache is, or a part; nil of files that are none.
  init?(ofFile name: String) {
    let stem = name.prefix(64)
    guard stem.utf8.count == 64, stem.allSatisfy(\.isHexDigit) else { return nil }
    guard name.utf8.count == 64 || name.hasSuffix(TensorCache.partialSuffix) else { return nil }
    description = String(stem)
  }
}
