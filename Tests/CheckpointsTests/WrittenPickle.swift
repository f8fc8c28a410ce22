/// Files that PyTorch could have written, and others that nobody should read.

import Foundation

@testable import Checkpoints

/// Instructions of a pickle, as `torch.save` writes them.
enum Pickle {
  static let start: [UInt8] = [0x80, 2]
  static let stop = Array(".".utf8)
  static let mark = Array("(".utf8)
  static let emptyTuple = Array(")".utf8)
  static let call = Array("R".utf8)
  static let orderedDictionary = global("collections", "OrderedDict") + emptyTuple + call

  static func global(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func text(_ text: String) -> [UInt8] {
    Array("X".utf8) + little(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + little(Int64(value)) }

  static func tuple(_ items: [[UInt8]]) -> [UInt8] {
    mark + items.flatMap { $0 } + Array("t".utf8)
  }

  static func dictionary(_ entries: [(String, [UInt8])]) -> [UInt8] {
    orderedDictionary + mark + entries.flatMap { text($0) + $1 } + Array("u".utf8)
  }

  static func file(_ entries: [(String, [UInt8])]) -> [UInt8] {
    start + dictionary(entries) + stop
  }
}

/// A tensor of a pickle, whatever it says.
struct PickledTensor {
  var type = "HalfStorage"
  var key = "0"
  /// Numbers that the storage claims to have.
  var count = 6
  var offset = 0
  var shape = [2, 3]
  var strides = [3, 1]

  var bytes: [UInt8] {
    let storage =
      Pickle.tuple([
        Pickle.text("storage"), Pickle.global("torch", type), Pickle.text(key), Pickle.text("cpu"),
        Pickle.integer(count),
      ]) + Array("Q".utf8)
    return Pickle.global("torch._utils", "_rebuild_tensor_v2")
      + Pickle.tuple([
        storage, Pickle.integer(offset), Pickle.tuple(shape.map(Pickle.integer)),
        Pickle.tuple(strides.map(Pickle.integer)), [0x89], Pickle.orderedDictionary,
      ]) + Pickle.call
  }

  /// The same as a parameter.
  var parameter: [UInt8] {
    Pickle.global("torch._utils", "_rebuild_parameter")
      + Pickle.tuple([bytes, [0x88], Pickle.orderedDictionary]) + Pickle.call
  }
}

/// An entry of a zip archive, and what its directory says of it where that is something else.
struct WrittenZipEntry {
  var name: String
  var bytes: [UInt8]
  var method: UInt16 = 0
  var flags: UInt16 = 0
  /// Bytes of it that the directory claims.
  var listedCount: UInt32?
  /// Where its header is, by the directory.
  var listedOffset: UInt32?
  var listedName: String?
}

/// A zip archive.
struct WrittenZip {
  var entries: [WrittenZipEntry]
  /// Whether it ends with the records for large archives, as PyTorch's do.
  var isLarge = true
  var entryCount: UInt64?
  var comment: [UInt8] = []

  init(_ entries: [(String, [UInt8])]) {
    self.entries = entries.map { WrittenZipEntry(name: $0, bytes: $1) }
  }

  /// A checkpoint's file with this pickle and the storages, `data/0` and on.
  init(pickle: [UInt8], storages: [[UInt8]] = [], byteOrder: String = "little") {
    self.init(
      [("model/data.pkl", pickle), ("model/byteorder", Array(byteOrder.utf8))]
        + storages.enumerated().map { ("model/data/\($0)", $1) } + [("model/version", [51, 10])])
  }

  var bytes: [UInt8] {
    var (data, directory) = ([UInt8](), [UInt8]())
    for entry in entries {
      let name = Array(entry.name.utf8)
      let listedName = Array((entry.listedName ?? entry.name).utf8)
      let offset = UInt32(data.count)
      // Bytes between the name and the data bring these to a multiple of 64, as PyTorch does.
      let padding = (64 - (data.count + 30 + name.count + 4) % 64) % 64
      data += little(UInt32(0x0403_4B50)) + little(UInt16(0)) + little(entry.flags)
      data += little(entry.method) + [UInt8](repeating: 0, count: 16)
      data += little(UInt16(name.count)) + little(UInt16(padding + 4)) + name
      data += Array("FB".utf8) + little(UInt16(padding)) + [UInt8](repeating: 0x5A, count: padding)
      data += entry.bytes
      let count = entry.listedCount ?? UInt32(entry.bytes.count)
      directory += little(UInt32(0x0201_4B50)) + little(UInt32(0)) + little(entry.flags)
      directory += little(entry.method) + [UInt8](repeating: 0, count: 8)
      directory += little(count) + little(count) + little(UInt16(listedName.count))
      directory += [UInt8](repeating: 0, count: 12) + little(entry.listedOffset ?? offset)
      directory += listedName
    }
    let place = data.count
    let count = entryCount ?? UInt64(entries.count)
    var end = [UInt8]()
    if isLarge {
      end += little(UInt32(0x0606_4B50)) + little(UInt64(44)) + [UInt8](repeating: 0, count: 12)
      end += little(count) + little(count) + little(UInt64(directory.count)) + little(UInt64(place))
      end += little(UInt32(0x0706_4B50)) + little(UInt32(0))
      end += little(UInt64(place + directory.count)) + little(UInt32(1))
    }
    end +=
      little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(UInt16(truncatingIfNeeded: count))
    end += little(UInt16(truncatingIfNeeded: count)) + little(UInt32(directory.count))
    end += little(UInt32(place)) + little(UInt16(comment.count)) + comment
    return data + directory + end
  }
}
