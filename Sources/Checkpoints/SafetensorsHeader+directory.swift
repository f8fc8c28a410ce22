/// The safetensors files of a directory.

import Foundation

extension SafetensorsHeader {
  /// The file with all tensors, and the one that says in which files they are.
  static let fileNames = ["model.safetensors", "model.safetensors.index.json"]

  /// All tensors of a directory's files by canonical name, and the types of those that are not
  /// read. Throws `.unreadable`, `.malformed`.
  static func locateTensors(
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
    let index = directory.appending(path: fileNames[1])
    guard FileManager.default.fileExists(atPath: index.path) else {
      let single = directory.appending(path: fileNames[0])
      guard FileManager.default.fileExists(atPath: single.path) else {
        throw CheckpointError(
          .unreadable,
          "\(directory.path) has neither model.safetensors nor model.safetensors.index.json",
          remedy: "Weights are read from safetensors and GGUF files")
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
}
