/// The header of a safetensors file: which tensors it holds, and where.
///
/// Format: https://github.com/huggingface/safetensors — eight bytes of little-endian header length,
/// a JSON object from names to dtype, shape and offsets into the data that follow it.

import Compute
package import Foundation

package struct SafetensorsHeader: Sendable {
  /// Tensors under the names that the file gives them.
  let tensors: [String: TensorLocation]
  /// Tensors of types that are not read, such as integers: name to type.
  let unread: [String: String]

  private static let headerBytesMax = 100_000_000
  private static let dimensionsMax = 8
  /// So many numbers take less than 2^63 bytes in any format.
  private static let elementsMax = 1 << 56

  /// Reads and checks a file's header; no weight is read.
  package init(reading url: URL) throws(CheckpointError) {
    let path = url.path
    guard let file = try? FileHandle(forReadingFrom: url),
      let fileBytes = (try? file.seekToEnd()).flatMap({ Int(exactly: $0) }),
      (try? file.seek(toOffset: 0)) != nil
    else { throw CheckpointError(.unreadable, "\(path) does not exist or cannot be read") }
    defer { try? file.close() }
    guard let prefix = try? file.read(upToCount: 8), prefix.count == 8 else {
      throw Self.malformed(path, "it is shorter than a header")
    }
    let length = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Self.headerBytesMax), Int(length) <= fileBytes - 8 else {
      throw Self.malformed(path, "its header claims \(length) bytes; the file has \(fileBytes)")
    }
    guard let json = try? file.read(upToCount: Int(length)), json.count == Int(length),
      let entries = try? JSONDecoder().decode([String: JSONValue].self, from: json)
    else { throw Self.malformed(path, "its header is not a JSON object") }
    let isPacked = try Self.isPacked(entries["__metadata__"], path: path)
    var tensors: [String: TensorLocation] = [:]
    var unread: [String: String] = [:]
    for (name, value) in entries where name != "__metadata__" {
      switch try Self.locate(
        name, value, isPacked: isPacked, path: path, dataStart: 8 + Int(length),
        fileBytes: fileBytes)
      {
      case .tensor(let location): tensors[name] = location
      case .unread(let type): unread[name] = type
      }
    }
    self.tensors = tensors
    self.unread = unread
  }

  /// Whether quantised tensors are packed as this program packs them. Throws `.unsupported` for
  /// another way of packing.
  private static func isPacked(
    _ metadata: JSONValue?, path: String
  ) throws(CheckpointError) -> Bool {
    guard case .object(let fields)? = metadata,
      let packing = fields[PackedCheckpoint.packingKey]
    else { return false }
    guard packing == .string(PackedCheckpoint.packing) else {
      throw CheckpointError(
        .unsupported, "\(path): its weights are packed in another way than this program reads",
        remedy: "Make it again from the original: chatspot model quantize")
    }
    return true
  }

  private enum Entry {
    case tensor(TensorLocation)
    /// Integer buffers such as position_ids stand in older checkpoints; nothing here uses them.
    case unread(type: String)
  }

  private static func locate(
    _ name: String, _ value: JSONValue, isPacked: Bool, path: String, dataStart: Int,
    fileBytes: Int
  ) throws(CheckpointError) -> Entry {
    guard case .object(let fields) = value, case .string(let dtype)? = fields["dtype"],
      let shape = integers(fields["shape"]), let offsets = integers(fields["data_offsets"]),
      offsets.count == 2, offsets[0] <= offsets[1], shape.count <= dimensionsMax
    else { throw malformed(path, "its entry \(name) is not a tensor's") }
    guard let format = PackedCheckpoint.format(dtype),
      isPacked || !format.isQuantized
    else { return .unread(type: dtype) }
    var elements = 1
    for extent in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= elementsMax else {
        throw malformed(path, "tensor \(name) claims the shape \(shape)")
      }
      elements = product
    }
    guard shape.dropFirst().reduce(1, *) % format.blockElements == 0 else {
      throw malformed(path, "tensor \(name) of shape \(shape) has rows that are no whole blocks")
    }
    let count = StoredTensor.byteCount(shape: shape, format: format)
    guard offsets[1] - offsets[0] == count else {
      throw malformed(
        path,
        "tensor \(name) of shape \(shape) and type \(dtype) has \(offsets[1] - offsets[0]) bytes")
    }
    guard offsets[1] <= fileBytes - dataStart else {
      throw malformed(
        path,
        "tensor \(name) ends at byte \(offsets[1]) of the data; "
          + "the file has \(fileBytes - dataStart) of it",
        remedy: "The file is truncated: fetch it again")
    }
    return .tensor(
      TensorLocation(
        path: path, format: format, shape: shape, offset: dataStart + offsets[0],
        byteCount: count))
  }

  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let values)? = value else { return nil }
    var result: [Int] = []
    for case .number(let number) in values {
      guard let whole = Int(exactly: number), whole >= 0 else { return nil }
      result.append(whole)
    }
    return result.count == values.count ? result : nil
  }

  private static func malformed(
    _ path: String, _ cause: String, remedy: String = ""
  ) -> CheckpointError {
    CheckpointError(.malformed, "\(path) is not a whole safetensors file: \(cause)", remedy: remedy)
  }
}
