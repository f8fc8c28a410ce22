/// `data:image/png;base64,…`

internal import Foundation

/// Bytes that stand in the request itself. RFC 2397, base64 only.
package struct DataURI: Sendable, Equatable {
  package let bytes: [UInt8]

  package static func isOne(_ url: String) -> Bool {
    url.utf8.prefix(5).elementsEqual("data:".utf8)
      || url.prefix(5).lowercased() == "data:"
  }

  /// Throws an ``APIError`` that names `path`.
  package init(_ uri: String, at path: FieldPath) throws {
    // The header ends at the first comma; a header of more than this is none.
    let head = uri.utf8.prefix(512)
    guard let comma = head.firstIndex(of: UInt8(ascii: ",")) else {
      throw path.error(
        "is a data: URI without a comma; write data:image/png;base64, and then the bytes",
        code: "invalid_image")
    }
    guard uri[..<comma].lowercased().hasSuffix(";base64") else {
      throw path.error(
        "is a data: URI that is not in base64; write data:image/png;base64, and then the bytes",
        code: "invalid_image")
    }
    let text = uri.utf8[uri.utf8.index(after: comma)...]
    guard let data = Data(base64Encoded: Data(text)), !data.isEmpty else {
      throw path.error("does not hold base64 after the comma", code: "invalid_image")
    }
    bytes = Array(data)
  }
}
