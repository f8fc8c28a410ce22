/// A model of a few tensors in a directory, made for a test.

import Checkpoints
import Foundation

/// Tensors of bytes that are told apart, under names of the decoder's layers.
struct ScratchModel {
  let directory: URL
  let checkpoint: Checkpoint
  let modelDigest: [UInt8]

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")

  /// One matrix of f32 a layer, of so many MiB, beside the configuration of a small model.
  init(in directory: URL, layers: Int, mebibytes: Int, seed: UInt8 = 0) throws {
    self.directory = directory
    let manager = FileManager.default
    try manager.createDirectory(at: directory, withIntermediateDirectories: true)
    try manager.copyItem(
      at: Self.fixtures.appending(path: "tiny-linear-rope/config.json"),
      to: directory.appending(path: "config.json"))
    var (header, data) = ([String](), Data())
    let rows = mebibytes << 10
    for layer in 0..<layers {
      let end = data.count + rows << 10
      header.append(
        #""\#(Self.name(layer))":{"dtype":"F32","shape":[\#(rows),256],"#
          + #""data_offsets":[\#(data.count),\#(end)]}"#)
      for row in 0..<rows {
        data.append(
          Data(repeating: UInt8(truncatingIfNeeded: row * 7 + layer) &+ seed, count: 1 << 10))
      }
    }
    let json = Data("{\(header.joined(separator: ","))}".utf8)
    let length = Data((0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) })
    try (length + json + data).write(to: directory.appending(path: "model.safetensors"))
    checkpoint = try Checkpoint(directory: directory)
    modelDigest = try checkpoint.digest()
  }

  static func part(_ layer: Int) -> String { "language_model.layers.\(layer)." }
  static func name(_ layer: Int) -> String { part(layer) + "mlp.up_proj.weight" }
}
