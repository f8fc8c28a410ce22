/// Tells checkpoints apart without reading all of their weights.

internal import Compute
internal import Crypto
internal import Foundation

extension Checkpoint {
  /// SHA-256 that identifies the checkpoint, 32 bytes: of its configuration files or
  /// metadata, of every tensor's name, format and shape, and of the first and last bytes of every
  /// tensor.
  ///
  /// It tells other models and other fine-tunes apart; it does not prove that every byte is intact.
  public func digest() throws(CheckpointError) -> [UInt8] {
    var hash = SHA256()
    for name in Self.identifyingFiles {
      guard let data = try files.data(name, bytesMax: 64 << 20) else { continue }
      hash.update(data: Data("\(name) \(data.count)\n".utf8))
      hash.update(data: data)
    }
    if let tokenizerMetadata {
      hash.update(data: tokenizerMetadata.bytes[tokenizerMetadata.range])
    }
    for name in tensorNames {
      guard let tensor = location(name) else { continue }
      hash.update(data: Data("\(name) \(tensor.encodingName) \(tensor.shape)\n".utf8))
      for part in try tensor.mapped().ends(Self.sampledBytes) { hash.update(data: part) }
    }
    return Array(hash.finalize())
  }

  private static let identifyingFiles = [
    "config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.model",
    "added_tokens.json", ReferringProfile.fileName,
  ]
  private static let sampledBytes = 256
}
