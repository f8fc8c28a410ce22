/// What others need of a checkpoint that they do not have, and a checkpoint made of that.

internal import Crypto
internal import Foundation

extension Checkpoint {
  /// How the tensor of that name is stored; nil if there is none.
  public func stored(_ name: String) -> TensorDescription? {
    location(name).map {
      TensorDescription(
        name: name, format: $0.format, encoding: $0.encoding, rowOrder: $0.rowOrder,
        shape: $0.shape, byteCount: $0.byteCount)
    }
  }

  /// Bytes of a tensor as they are stored; `range` counts from its first. They are read, not mapped:
  /// a disk that fails is an error, not the end of the process.
  ///
  /// Throws `.missingTensor`, `.malformed` for bytes that it does not have, `.unreadable`.
  public func storedBytes(
    of name: String, in range: Range<Int>
  ) throws(CheckpointError) -> [UInt8] {
    guard let tensor = location(name) else {
      throw CheckpointError(.missingTensor, "\(self.name) has no tensor \(name)")
    }
    guard range.lowerBound >= 0, range.upperBound <= tensor.byteCount else {
      throw CheckpointError(
        .malformed,
        "\(name) has \(tensor.byteCount) bytes; \(range.lowerBound) to \(range.upperBound) "
          + "are asked for")
    }
    return Array(try Self.read(tensor, range))
  }

  /// SHA-256 of a tensor's bytes as they are stored: reads all of them.
  ///
  /// Throws `.missingTensor`, `.unreadable`.
  public func contentDigest(of name: String) throws(CheckpointError) -> [UInt8] {
    guard let tensor = location(name) else {
      throw CheckpointError(.missingTensor, "\(self.name) has no tensor \(name)")
    }
    var hash = SHA256()
    var offset = 0
    while offset < tensor.byteCount {
      let end = min(offset + (4 << 20), tensor.byteCount)
      hash.update(data: try Self.read(tensor, offset..<end))
      offset = end
    }
    return Array(hash.finalize())
  }

  private static func read(
    _ tensor: TensorLocation, _ range: Range<Int>
  ) throws(CheckpointError) -> Data {
    let file = try? FileHandle(forReadingFrom: URL(filePath: tensor.path))
    defer { try? file?.close() }
    guard let file, (try? file.seek(toOffset: UInt64(tensor.offset + range.lowerBound))) != nil,
      let data = try? file.read(upToCount: range.count), data.count == range.count
    else {
      throw CheckpointError(
        .unreadable, "\(tensor.path) cannot be read at byte \(tensor.offset + range.lowerBound)")
    }
    return data
  }

  /// The files that say what the weights are, by name: what a directory has of them, or what a GGUF
  /// file says in their place.
  ///
  /// Throws `.unreadable`, `.malformed` for one of more than `bytesMax` bytes.
  public func configurationFiles(
    bytesMax: Int
  ) throws(CheckpointError) -> [(name: String, bytes: [UInt8])] {
    var result: [(name: String, bytes: [UInt8])] = []
    for name in Self.configurationFileNames {
      guard let data = try files.data(name, bytesMax: bytesMax) else { continue }
      result.append((name, Array(data)))
    }
    return result
  }

  private static let configurationFileNames = [
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    ReferringProfile.fileName,
  ]
}
