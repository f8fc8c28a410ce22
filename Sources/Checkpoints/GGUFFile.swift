/// A GGUF file's header: its metadata, and which tensors it holds where.
///
/// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md — the magic number, a version,
/// two counts, keys with typed values, the tensors' names, extents, types and offsets; then, at the
/// next multiple of `general.alignment`, the data. Versions 2 and 3, little-endian.

import Compute
import Foundation

struct GGUFFile: Sendable {
  let url: URL
  let metadata: GGUFMetadata
  /// Tensors under the names that the file gives them, shapes row-major.
  let tensors: [String: TensorLocation]
  /// Tensors of types that are not read: name to type.
  let unread: [String: String]

  private static let keysMax = 1 << 16
  private static let tensorsMax = 1 << 16
  private static let keyBytesMax = (1 << 16) - 1
  private static let nameBytesMax = 256
  private static let stringBytesMax = 16 << 20
  private static let itemsMax = 1 << 24
  private static let nestingMax = 4
  private static let dimensionsMax = 4
  private static let alignmentMax = 1 << 20

  /// Whether the file begins as a GGUF file does.
  static func isGGUF(_ url: URL) -> Bool {
    guard let file = try? FileHandle(forReadingFrom: url) else { return false }
    defer { try? file.close() }
    return (try? file.read(upToCount: 4)) == Data("GGUF".utf8)
  }

  /// Reads and checks a file's header; no weight is read. Throws `.unreadable`, `.malformed`, or
  /// `.unsupported` for versions and parts of files that are not read.
  init(reading url: URL) throws(CheckpointError) {
    self.url = url
    var reader = try GGUFReader(url)
    let (tensorCount, keyCount) = try Self.counts(&reader)
    let start = reader.position
    var values: [String: GGUFValue] = [:]
    for _ in 0..<keyCount {
      let range = try reader.string("a key", bytesMax: Self.keyBytesMax)
      guard let key = String(validating: reader.bytes[range], as: UTF8.self) else {
        throw reader.malformed("a key is no UTF-8")
      }
      guard values.updateValue(try Self.value(&reader, key), forKey: key) == nil else {
        throw reader.malformed("the key \(key.prefix(80)) stands twice")
      }
    }
    let end = reader.position
    let entries = try Self.entries(&reader, count: tensorCount)
    metadata = GGUFMetadata(
      path: url.path, values: values, bytes: reader.bytes, range: start..<end)
    try Self.refuseParts(metadata)
    let alignment = try metadata.integer(
      "general.alignment", default: 32, in: 1...Self.alignmentMax)
    guard alignment % 8 == 0 else { throw metadata.wrong("general.alignment", "a multiple of 8") }
    let dataStart = (reader.position + alignment - 1) / alignment * alignment
    (tensors, unread) = try Self.locate(
      entries, dataStart: dataStart, alignment: alignment, reader)
  }

  private static func counts(
    _ reader: inout GGUFReader
  ) throws(CheckpointError) -> (tensors: Int, keys: Int) {
    let magic = try reader.skip(4, "the magic number")
    guard Array(reader.bytes[magic]) == Array("GGUF".utf8) else {
      throw reader.malformed("it does not begin with \"GGUF\"")
    }
    let version = try reader.integer(UInt32.self, "the version")
    guard (2...3).contains(version) else {
      let cause =
        (1...3).contains(version.byteSwapped)
        ? "big-endian" : "of version \(version)"
      throw CheckpointError(
        .unsupported, "\(reader.path): the GGUF file is \(cause)",
        remedy: "Little-endian files of versions 2 and 3 are read")
    }
    // An entry takes its name's length, extents and so on; a key its length and its value's type.
    let tensors = try reader.count("the number of tensors", limit: tensorsMax, itemBytes: 24)
    let keys = try reader.count("the number of keys", limit: keysMax, itemBytes: 13)
    return (tensors, keys)
  }

  private static func value(
    _ reader: inout GGUFReader, _ key: String
  ) throws(CheckpointError) -> GGUFValue {
    let what = "the value of \(key.prefix(80))"
    let type = try valueType(&reader, what)
    switch type {
    case .string:
      let range = try reader.string(what, bytesMax: stringBytesMax)
      return .string(String(decoding: reader.bytes[range], as: UTF8.self))
    case .array: return .array(try array(&reader, what, depth: 1))
    default:
      let range = try reader.skip(type.byteCount ?? 0, what)
      return GGUFValue(type, reader.bytes, at: range.lowerBound)
    }
  }

  private static func valueType(
    _ reader: inout GGUFReader, _ what: String
  ) throws(CheckpointError) -> GGUFValueType {
    let raw = try reader.integer(UInt32.self, what)
    guard let type = GGUFValueType(rawValue: raw) else {
      throw reader.malformed("\(what) is of the unknown type \(raw)")
    }
    return type
  }

  /// Passes over an array, checking that it is whole.
  private static func array(
    _ reader: inout GGUFReader, _ what: String, depth: Int
  ) throws(CheckpointError) -> GGUFArray {
    guard depth <= nestingMax else {
      throw reader.malformed("\(what) has lists nested more than \(nestingMax) deep")
    }
    let type = try valueType(&reader, what)
    let count = try reader.count(
      "the number of items of \(what)", limit: itemsMax, itemBytes: type.byteCount ?? 8)
    let start = reader.position
    if let width = type.byteCount {
      _ = try reader.skip(count * width, what)
    } else {
      for _ in 0..<count {
        if type == .string {
          _ = try reader.string(what, bytesMax: stringBytesMax)
        } else {
          _ = try array(&reader, what, depth: depth + 1)
        }
      }
    }
    return GGUFArray(type: type, count: count, range: start..<reader.position)
  }

  /// Files that are one part of several cannot be read on their own.
  private static func refuseParts(_ metadata: GGUFMetadata) throws(CheckpointError) {
    let parts = try metadata.integer("split.count", default: 1, in: 0...(1 << 16))
    guard parts <= 1 else {
      throw CheckpointError(
        .unsupported, "\(metadata.path) is one of \(parts) parts of a model",
        remedy: "Join them first: llama-gguf-split --merge")
    }
  }

  /// A tensor as the header gives it.
  private struct Entry {
    let name: String
    let shape: [Int]
    let type: UInt32
    let offset: UInt64
  }

  private static func entries(
    _ reader: inout GGUFReader, count: Int
  ) throws(CheckpointError) -> [Entry] {
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count {
      let range = try reader.string("a tensor's name", bytesMax: nameBytesMax)
      guard let name = String(validating: reader.bytes[range], as: UTF8.self) else {
        throw reader.malformed("a tensor's name is no UTF-8")
      }
      let what = "the entry of tensor \(name)"
      let dimensions = try reader.integer(UInt32.self, what)
      guard dimensions <= dimensionsMax else {
        throw reader.malformed("\(what) has \(dimensions) extents; at most \(dimensionsMax)")
      }
      var shape: [Int] = []
      for _ in 0..<dimensions {
        let extent = try reader.integer(UInt64.self, what)
        guard let extent = Int(exactly: extent), extent > 0 else {
          throw reader.malformed("\(what) has the extent \(extent)")
        }
        // The file counts from the innermost extent out.
        shape.insert(extent, at: 0)
      }
      let type = try reader.integer(UInt32.self, what)
      let offset = try reader.integer(UInt64.self, what)
      entries.append(Entry(name: name, shape: shape, type: type, offset: offset))
    }
    return entries
  }

  private static func locate(
    _ entries: [Entry], dataStart: Int, alignment: Int, _ reader: GGUFReader
  ) throws(CheckpointError) -> (tensors: [String: TensorLocation], unread: [String: String]) {
    var tensors: [String: TensorLocation] = [:]
    var unread: [String: String] = [:]
    for entry in entries {
      guard tensors[entry.name] == nil, unread[entry.name] == nil else {
        throw reader.malformed("tensor \(entry.name) stands twice")
      }
      guard let type = GGMLType(rawValue: entry.type) else {
        unread[entry.name] = GGMLTypeNames.name(entry.type)
        continue
      }
      tensors[entry.name] = try locate(
        entry, type, dataStart: dataStart, alignment: alignment, reader)
    }
    try refuseOverlaps(tensors, reader)
    return (tensors, unread)
  }

  private static func locate(
    _ entry: Entry, _ type: GGMLType, dataStart: Int, alignment: Int, _ reader: GGUFReader
  ) throws(CheckpointError) -> TensorLocation {
    func malformed(_ cause: String, remedy: String = "") -> CheckpointError {
      reader.malformed("tensor \(entry.name) of shape \(entry.shape) \(cause)", remedy: remedy)
    }
    guard (entry.shape.last ?? 1) % type.blockElements == 0,
      type.blockElements == 1 || entry.shape.count > 1
    else { throw malformed("has rows that are no whole blocks of \(type)") }
    var elements = 1
    for extent in entry.shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw malformed("is too large") }
      elements = product
    }
    let (byteCount, overflow) = (elements / type.blockElements).multipliedReportingOverflow(
      by: type.blockBytes)
    guard !overflow else { throw malformed("is too large") }
    guard let offset = Int(exactly: entry.offset), offset % alignment == 0 else {
      throw malformed("begins at \(entry.offset), which is no multiple of \(alignment)")
    }
    let dataBytes = max(0, reader.fileBytes - dataStart)
    guard byteCount <= dataBytes, offset <= dataBytes - byteCount else {
      throw malformed(
        "has \(byteCount) bytes from byte \(offset) of the data on; "
          + "the file has \(dataBytes) of it",
        remedy: "The file is truncated: fetch it again")
    }
    // What the kernels read as it stands is mapped, the rest decoded when it is loaded.
    return TensorLocation(
      path: reader.path, format: type.format, shape: entry.shape, offset: dataStart + offset,
      byteCount: byteCount, encoding: type.blockElements > 1 ? type : nil)
  }

  private static func refuseOverlaps(
    _ tensors: [String: TensorLocation], _ reader: GGUFReader
  ) throws(CheckpointError) {
    let ordered = tensors.sorted { $0.value.offset < $1.value.offset }
    for (first, second) in zip(ordered, ordered.dropFirst())
    where second.value.offset < first.value.offset + first.value.byteCount {
      throw reader.malformed("tensors \(first.key) and \(second.key) overlap")
    }
  }
}

/// The names of GGML's types, for messages.
enum GGMLTypeNames {
  private static let others: [UInt32: String] = [
    3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K",
    16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
  ]

  static func name(_ type: UInt32) -> String { others[type] ?? "number \(type)" }
}
