/// A file of weights that PyTorch pickled: which tensors it holds, and where.
///
/// Format: `torch.save` of PyTorch 1.6 and later — a zip archive with `NAME/data.pkl`, a pickled
/// dictionary of tensors, and `NAME/data/KEY`, the numbers of each storage.

import Compute
package import Foundation

package struct PickledHeader: Sendable {
  /// Tensors under the names that the file gives them.
  let tensors: [String: TensorLocation]
  /// Tensors of types that are not read, such as integers: name to type.
  let unread: [String: String]

  private static let elementsMax = 1 << 56

  /// Reads the pickle and checks that the tensors are where it says; no weight is read, nothing is
  /// run.
  ///
  /// Throws `.unreadable`, `.malformed`, or `.unsupported` for what is no plain dictionary of
  /// tensors.
  package init(reading url: URL) throws(CheckpointError) {
    let file = try ReadableFile(url)
    let start = try file.bytes(0, min(4, file.byteCount), "its beginning")
    guard ZipDirectory.begins(start) else { throw Self.notArchive(start, path: file.path) }
    let archive = try ZipDirectory(reading: file)
    let root = try Self.root(archive)
    try Self.requireLittleEndian(archive, root: root, file)
    let place = archive.entries["\(root)data.pkl"] ?? 0..<0
    guard place.count <= PickleMachine.bytesMax else {
      throw CheckpointError(
        .malformed,
        "\(file.path): its pickle is \(place.count) bytes; at most \(PickleMachine.bytesMax) are "
          + "read")
    }
    let pickle = try file.bytes(place.lowerBound, place.count, "its pickle")
    var tensors: [String: TensorLocation] = [:]
    var unread: [String: String] = [:]
    for (name, tensor) in try PickleMachine.tensors(in: pickle, path: file.path) {
      guard tensors[name] == nil, unread[name] == nil else {
        throw CheckpointError(.malformed, "\(file.path): tensor \(name) stands twice")
      }
      guard let format = tensor.storage.type.format else {
        unread[name] = tensor.storage.type.name
        continue
      }
      tensors[name] = try Self.locate(name, tensor, format, archive, root: root)
    }
    self.tensors = tensors
    self.unread = unread
  }

  /// What all names of the archive begin with: `pytorch_model/`.
  private static func root(_ archive: ZipDirectory) throws(CheckpointError) -> String {
    let suffix = "/data.pkl"
    let pickles = archive.entries.keys.filter { $0.hasSuffix(suffix) }
    guard pickles.count == 1 else {
      throw CheckpointError(
        .malformed, "\(archive.path) holds \(pickles.count) pickles; torch.save writes one",
        remedy: "It is no file of weights that torch.save wrote")
    }
    return String(pickles[0].dropLast(suffix.count - 1))
  }

  private static func requireLittleEndian(
    _ archive: ZipDirectory, root: String, _ file: ReadableFile
  ) throws(CheckpointError) {
    guard let place = archive.entries["\(root)byteorder"] else { return }
    let order = try file.bytes(place.lowerBound, min(place.count, 16), "its byte order")
    guard order.starts(with: "little".utf8) else {
      throw CheckpointError(
        .unsupported, "\(file.path): its byte order is not little-endian",
        remedy: "Save the file anew on a little-endian machine")
    }
  }

  private static func locate(
    _ name: String, _ tensor: TorchTensor, _ format: WeightFormat, _ archive: ZipDirectory,
    root: String
  ) throws(CheckpointError) -> TensorLocation {
    func malformed(_ cause: String) -> CheckpointError {
      CheckpointError(
        .malformed, "\(archive.path): tensor \(name) of shape \(tensor.shape) \(cause)")
    }
    let storage = tensor.storage
    guard let place = archive.entries["\(root)data/\(storage.key)"] else {
      throw malformed("is in storage \(storage.key.prefix(80)), which is not there")
    }
    let width = storage.type.byteCount
    let (byteCount, overflow) = storage.count.multipliedReportingOverflow(by: width)
    guard !overflow, byteCount == place.count else {
      throw malformed(
        "is in storage \(storage.key) of \(storage.count) numbers, which has \(place.count) bytes")
    }
    var elements = 1
    for extent in tensor.shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= elementsMax else { throw malformed("is too large") }
      elements = product
    }
    guard elements <= storage.count, tensor.offset <= storage.count - elements else {
      throw malformed(
        "ends beyond the \(storage.count) numbers of its storage, from number \(tensor.offset) on")
    }
    guard tensor.isContiguous else {
      throw CheckpointError(
        .unsupported,
        "\(archive.path): tensor \(name) of shape \(tensor.shape) is stored in another order, with "
          + "strides \(tensor.strides)", remedy: "Save it anew after .contiguous()")
    }
    return TensorLocation(
      path: archive.path, format: format, shape: tensor.shape,
      offset: place.lowerBound + tensor.offset * width, byteCount: elements * width)
  }

  private static func notArchive(_ start: [UInt8], path: String) -> CheckpointError {
    guard start.first == 0x80 else {
      return CheckpointError(
        .malformed, "\(path) is not a file of PyTorch's: it does not begin as one",
        remedy: "The file is truncated or damaged, or a pointer to one that has to be fetched")
    }
    return CheckpointError(
      .unsupported, "\(path) is in the format that PyTorch wrote before version 1.6",
      remedy: "Load and save it anew with a PyTorch of today, or convert it to safetensors")
  }
}

extension TorchStorageType {
  /// The format of weights that are read; nil of other types.
  fileprivate var format: WeightFormat? {
    switch self {
    case .float32: .f32
    case .float16: .f16
    case .bfloat16: .bf16
    default: nil
    }
  }
}

extension TorchTensor {
  /// Whether its numbers stand one after the other, the last extent innermost.
  var isContiguous: Bool {
    guard !shape.contains(0) else { return true }
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent > 1 {
      guard stride == expected else { return false }
      expected *= extent
    }
    return true
  }
}
