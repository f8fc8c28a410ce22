/// Gets the images that a conversation shows.

internal import Imaging

/// Reads images from data: URIs, and from the hosts that the operator allows.
struct ImageLoader: Sendable {
  let limits: ImageLimits
  let remote: RemoteImages

  /// The images of all messages in order. Throws an ``APIError`` that names the part.
  func images(of messages: [ChatMessage]) async throws -> [LoadedImage] {
    var images: [LoadedImage] = []
    for (number, message) in messages.enumerated() {
      for (index, part) in message.parts.enumerated() {
        guard case .image(let url) = part else { continue }
        let path = FieldPath("messages")[number].appending("content")[index]
          .appending("image_url.url")
        guard images.count < RequestLimits.images else {
          throw path.error(
            "is one of more than \(RequestLimits.images) images", code: "out_of_range")
        }
        let file =
          DataURI.isOne(url)
          ? try DataURI(url, at: path).bytes : try await remote.file(at: url, path)
        images.append(try LoadedImage(file: file, limits: limits, at: path))
      }
    }
    return images
  }
}
