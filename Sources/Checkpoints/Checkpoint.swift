/// A checkpoint's directory: configuration and tensors by canonical name.

public import Compute
public import Foundation

/// A Hugging Face `llava-hf` checkpoint. Opening it reads headers only; weights are mapped when
/// they are asked for.
public struct Checkpoint: Sendable {
  public let directory: URL
  public let configuration: ModelConfiguration
  public let profile: ReferringProfile
  private let tensors: [String: TensorLocation]
  /// Types of the tensors that are not read, by canonical name.
  private let unread: [String: String]

  /// Opens and checks the directory. Throws `CheckpointError` that names the file and what is
  /// wrong.
  public init(directory: URL) throws(CheckpointError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: directory.path, isDirectory: &isDirectory),
      isDirectory.boolValue
    else {
      throw CheckpointError(
        .unreadable, "\(directory.path) is not a directory",
        remedy: "Name a checkpoint's directory as Hugging Face's llava-hf models have it")
    }
    self.directory = directory
    configuration = try ModelConfiguration(directory: directory)
    profile = try ReferringProfile(directory: directory)
    (tensors, unread) = try Self.locateTensors(directory)
  }

  private static func locateTensors(
    _ directory: URL
  ) throws(CheckpointError) -> (tensors: [String: TensorLocation], unread: [String: String]) {
    var tensors: [String: TensorLocation] = [:]
    var unread: [String: String] = [:]
    for file in try weightFiles(directory) {
      let header = try SafetensorsHeader(reading: file)
      for (name, type) in header.unread { unread[TensorNames.canonical(name)] = type }
      for (name, location) in header.tensors {
        let canonical = TensorNames.canonical(name)
        if let other = tensors.updateValue(location, forKey: canonical) {
          throw CheckpointError(
            .malformed, "\(canonical) stands twice, in \(other.path) and in \(location.path)")
        }
      }
    }
    return (tensors, unread)
  }

  private static func weightFiles(_ directory: URL) throws(CheckpointError) -> [URL] {
    let index = directory.appending(path: "model.safetensors.index.json")
    guard FileManager.default.fileExists(atPath: index.path) else {
      let single = directory.appending(path: "model.safetensors")
      guard FileManager.default.fileExists(atPath: single.path) else {
        throw CheckpointError(
          .unreadable,
          "\(directory.path) has neither model.safetensors nor model.safetensors.index.json",
          remedy: "Weights are read from safetensors files")
      }
      return [single]
    }
    let object = try ConfigurationObject(reading: index, bytesMax: 100 << 20)
    guard let map = try object.object("weight_map") else {
      throw object.wrong("weight_map", "an object")
    }
    var names: Set<String> = []
    for (tensor, value) in map.fields {
      guard case .string(let name) = value, !name.isEmpty, !name.contains("/") else {
        throw map.wrong(tensor, "the name of a file beside the index")
      }
      names.insert(name)
    }
    return names.sorted().map { directory.appending(path: $0) }
  }

  /// All tensors' canonical names, sorted.
  public var tensorNames: [String] { tensors.keys.sorted() }

  /// Shape and format of a tensor; nil if there is none of that name.
  public func describe(_ name: String) -> (shape: [Int], format: WeightFormat)? {
    tensors[name].map { ($0.shape, $0.format) }
  }

  /// Bytes of all tensors whose canonical names begin with `prefix`.
  public func byteCount(prefix: String) -> Int {
    tensors.reduce(0) { $1.key.hasPrefix(prefix) ? $0 + $1.value.byteCount : $0 }
  }

  /// The weights under a part of the model, such as "vision_tower"; empty is all.
  public func weights(_ part: String = "") -> WeightScope {
    WeightScope(of: self, prefix: part)
  }

  func location(_ name: String) -> TensorLocation? { tensors[name] }
}

extension Checkpoint: WeightSource {
  /// Maps a tensor. Throws `.missingTensor`, `.wrongShape`, or `.malformed` if the file has shrunk
  /// since.
  public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> StoredTensor {
    let tensor = try map(name)
    guard tensor.shape == shape else {
      throw CheckpointError(
        .wrongShape,
        "\(directory.path): \(name) has the shape \(tensor.shape); config.json asks for \(shape)")
    }
    return tensor
  }

  public func shape(of name: String) -> [Int]? { describe(name)?.shape }

  func map(_ name: String) throws(CheckpointError) -> StoredTensor {
    if let type = unread[name] {
      throw CheckpointError(
        .unsupported, "\(directory.path): tensor \(name) is of type \(type.prefix(20))",
        remedy: "Weights in F32, F16 and BF16 are read; this one may be quantised")
    }
    guard let location = tensors[name] else {
      throw CheckpointError(
        .missingTensor, "\(directory.path) has no tensor \(name)",
        remedy: "The checkpoint is incomplete, or of another architecture than config.json says")
    }
    do {
      let memory = try ReadOnlyMemory(
        mapping: location.path, offset: location.offset, count: location.byteCount)
      return StoredTensor(shape: location.shape, format: location.format, memory: memory)
    } catch {
      throw CheckpointError(.malformed, error.message, remedy: error.remedy)
    }
  }
}
