/// A copy of a checkpoint that a test may damage.

import Compute
import Foundation

@testable import Checkpoints

/// A directory of its own with the files of one of Tests/Fixtures; removed with the value.
final class ScratchCheckpoint {
  let directory: URL

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  /// Without a name the directory is empty.
  init(_ fixture: String? = nil) throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "chatspot-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    guard let fixture else { return }
    let source = Self.fixtures.appending(path: fixture)
    for name in try FileManager.default.contentsOfDirectory(atPath: source.path) {
      let isTokenizer = name.hasPrefix("tokenizer.") || name == "special_tokens_map.json"
      guard !isTokenizer, !name.hasPrefix("goldens"), !name.hasSuffix(".png") else { continue }
      try FileManager.default.copyItem(
        at: source.appending(path: name), to: directory.appending(path: name))
    }
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func open() throws(CheckpointError) -> Checkpoint { try Checkpoint(directory: directory) }

  /// What opening it throws; nil if it opens.
  func openingError() -> CheckpointError? {
    do throws(CheckpointError) {
      _ = try open()
      return nil
    } catch { return error }
  }

  func path(_ name: String) -> URL { directory.appending(path: name) }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: path(name))
  }

  func write(_ text: String, to name: String) throws { try write(text.utf8, to: name) }

  func remove(_ name: String) throws { try FileManager.default.removeItem(at: path(name)) }

  /// Changes a JSON file of one object.
  func edit(_ name: String, _ change: (inout [String: Any]) -> Void) throws {
    let data = try Data(contentsOf: path(name))
    var object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    change(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: path(name))
  }

  /// Sets `object.field` (or `field`) of config.json; nil removes it.
  func set(_ field: String, _ value: Any?) throws {
    let parts = field.split(separator: ".").map(String.init)
    try edit("config.json") { config in
      guard parts.count == 2 else {
        config[parts[0]] = value
        return
      }
      var inner = config[parts[0]] as? [String: Any] ?? [:]
      inner[parts[1]] = value
      config[parts[0]] = inner
    }
  }
}

/// One tensor of a file that a test writes.
struct WrittenTensor {
  var name: String
  var type: String
  var shape: [Int]
  var bytes: [UInt8]

  /// Zeros, f16.
  init(_ name: String, type: String = "F16", shape: [Int], bytes: [UInt8]? = nil) {
    self.name = name
    self.type = type
    self.shape = shape
    self.bytes = bytes ?? [UInt8](repeating: 0, count: shape.reduce(2, *))
  }
}

/// A safetensors file.
func safetensors(_ tensors: [WrittenTensor]) -> [UInt8] {
  var (entries, data) = ([String](), [UInt8]())
  for tensor in tensors {
    let end = data.count + tensor.bytes.count
    entries.append(
      "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),"
        + "\"data_offsets\":[\(data.count),\(end)]}")
    data += tensor.bytes
  }
  return safetensors(header: "{\(entries.joined(separator: ","))}", data: data)
}

/// A safetensors file with this header, whatever it says.
func safetensors(header: String, data: [UInt8] = [], claiming length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
}
