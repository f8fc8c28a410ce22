/// Where a conversation's images come from.

/// An image that a message shows, and the field that says so.
package struct ImageReference: Sendable, Equatable {
  /// A data: URI, or an address.
  package let url: String
  package let path: FieldPath

  /// Those of all messages in order. Throws an ``APIError`` that names the part where there are more
  /// than one conversation may have.
  package static func all(in messages: [ChatMessage]) throws -> [ImageReference] {
    var references: [ImageReference] = []
    for (number, message) in messages.enumerated() {
      for (index, part) in message.parts.enumerated() {
        guard case .image(let url) = part else { continue }
        let path = FieldPath("messages")[number].appending("content")[index]
          .appending("image_url.url")
        guard references.count < RequestLimits.images else {
          throw path.error(
            "is one of more than \(RequestLimits.images) images", code: "out_of_range")
        }
        references.append(ImageReference(url: url, path: path))
      }
    }
    return references
  }
}
