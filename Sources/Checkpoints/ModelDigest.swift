/// Tells checkpoints apart without reading all of their weights.

internal import Compute
internal import Crypto
internal import Foundation

extension Checkpoint {
  /// SHA-256 that identifies the checkpoint, 32 bytes: of its configuration files, of every tensor's
  /// name, format and shape, and of the first and last bytes of every tensor.
  ///
  /// It tells other models and other fine-tunes apart; it does not prove that every byte is intact.
  public func digest() throws(CheckpointError) -> [UInt8] {
    var hash = SHA256()
    for name in Self.identifyingFiles {
      let url = directory.appending(path: name)
      guard FileManager.default.fileExists(atPath: url.path) else { continue }
      let data = try readFile(url, bytesMax: 64 << 20)
      hash.update(data: Data("\(name) \(data.count)\n".utf8))
      hash.update(data: data)
    }
    for name in tensorNames {
      let tensor = try map(name)
      hash.update(data: Data("\(name) \(tensor.format.rawValue) \(tensor.shape)\n".utf8))
      for part in tensor.ends(Self.sampledBytes) { hash.update(data: part) }
    }
    return Array(hash.finalize())
  }

  private static let identifyingFiles = [
    "config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.model",
    "added_tokens.json", ReferringProfile.fileName,
  ]
  private static let sampledBytes = 256
}
