/// Gets the images that a conversation shows.

internal import Imaging
internal import Requests

/// Reads images from data: URIs, and from the hosts that the operator allows.
struct ImageLoader: Sendable {
  let limits: ImageLimits
  let remote: RemoteImages

  /// The images of all messages in order. Throws an ``APIError`` that names the part.
  func images(of messages: [ChatMessage]) async throws -> [LoadedImage] {
    var images: [LoadedImage] = []
    for image in try ImageReference.all(in: messages) {
      let file =
        DataURI.isOne(image.url)
        ? try DataURI(image.url, at: image.path).bytes
        : try await remote.file(at: image.url, image.path)
      images.append(try LoadedImage(file: file, limits: limits, at: image.path))
    }
    return images
  }
}
