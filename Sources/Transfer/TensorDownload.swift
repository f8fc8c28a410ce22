/// A tensor that is being fetched.

internal import Wire

/// One source at a time gives it, so that it is known whose bytes are wrong.
final class TensorDownload {
  let content: ContentName
  let tensor: ManifestTensor
  /// Open while somebody gives it.
  var partial: PartialTensor?
  /// The next byte to ask for.
  var nextOffset = 0
  /// Sources that do not have it, or gave it wrongly.
  var excluded: Set<Int> = []
  /// Sources that gave of what is here.
  var givers: Set<Int> = []
  /// How often its bytes were wrong.
  var failures = 0

  init(_ tensor: ManifestTensor, _ content: ContentName) {
    self.tensor = tensor
    self.content = content
  }
}
