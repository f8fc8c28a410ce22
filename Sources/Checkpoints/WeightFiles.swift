/// The files of a directory that hold weights.

import Foundation

/// One file with all tensors, or several and an index that says which tensor is in which.
struct WeightFiles: Sendable {
  enum Kind: String, Sendable {
    case safetensors
    /// By PyTorch.
    case pickled
  }

  let kind: Kind
  let files: [URL]

  private static let names: [(kind: Kind, single: String, index: String)] = [
    (.safetensors, safetensorsFile, "model.safetensors.index.json"),
    (.pickled, "pytorch_model.bin", "pytorch_model.bin.index.json"),
  ]

  /// The safetensors file with all tensors.
  static let safetensorsFile = "model.safetensors"

  /// Whether a directory has such files.
  static func exist(in directory: URL) -> Bool {
    names.contains { has($0.single, directory) || has($0.index, directory) }
  }

  /// Those of a directory; where it has both kinds, the safetensors files. Throws `.unreadable` where
  /// there are none, `.malformed` and `.configuration` for what is wrong with an index.
  init(in directory: URL) throws(CheckpointError) {
    for (kind, single, index) in Self.names {
      if Self.has(index, directory) {
        self.kind = kind
        files = try Self.indexed(directory.appending(path: index))
        return
      }
      if Self.has(single, directory) {
        self.kind = kind
        files = [directory.appending(path: single)]
        return
      }
    }
    throw CheckpointError(
      .unreadable,
      "\(directory.path) has neither model.safetensors nor model.safetensors.index.json, nor "
        + "pytorch_model.bin nor pytorch_model.bin.index.json",
      remedy: "Weights are read from safetensors, GGUF and pickled files")
  }

  private static func indexed(_ index: URL) throws(CheckpointError) -> [URL] {
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
    let directory = index.deletingLastPathComponent()
    return names.sorted().map { directory.appending(path: $0) }
  }

  /// All tensors of the files by canonical name, and the types of those that are not read.
  /// `canonical` gives a tensor's name; nil passes over it.
  ///
  /// Throws what is wrong with a file, and `.malformed` where two tensors have one name.
  func tensors(
    named canonical: (String) -> String? = { TensorNames.canonical($0) }
  ) throws(CheckpointError) -> CheckpointTensors {
    var result = CheckpointTensors()
    for file in files {
      let (tensors, unread) = try header(file)
      for (name, type) in unread {
        if let name = canonical(name) { result.unread[name] = type }
      }
      for (name, location) in tensors {
        guard let name = canonical(name) else { continue }
        if let other = result.located.updateValue(location, forKey: name) {
          throw CheckpointError(
            .malformed, "\(name) stands twice, in \(other.path) and in \(location.path)")
        }
      }
    }
    return result
  }

  private func header(
    _ file: URL
  ) throws(CheckpointError) -> (tensors: [String: TensorLocation], unread: [String: String]) {
    switch kind {
    case .safetensors:
      let header = try SafetensorsHeader(reading: file)
      return (header.tensors, header.unread)
    case .pickled:
      let header = try PickledHeader(reading: file)
      return (header.tensors, header.unread)
    }
  }

  private static func has(_ name: String, _ directory: URL) -> Bool {
    FileManager.default.fileExists(atPath: directory.appending(path: name).path)
  }
}

/// Tensors of a checkpoint's files by canonical name.
struct CheckpointTensors: Sendable {
  var located: [String: TensorLocation] = [:]
  /// Types of the tensors that are not read.
  var unread: [String: String] = [:]

  var hasVisionTower: Bool { located.keys.contains { $0.hasPrefix("vision_tower.") } }
}
