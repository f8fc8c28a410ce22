/// Where the entries of a zip archive stand.
///
/// Format: PKWARE's APPNOTE.TXT — entries, each behind a header of its own; at the end of the file a
/// directory of them, and a record that says where the directory is, in a second form (zip64) where
/// numbers are large.

import Foundation

/// The entries of an archive that holds them as they are, not compressed, each at a place of its own.
struct ZipDirectory {
  let path: String
  /// The bytes of each entry in the file, by name.
  let entries: [String: Range<Int>]

  private static let directoryBytesMax = 64 << 20
  private static let entriesMax = 1 << 16
  private static let endBytes = 22
  private static let locatorBytes = 20
  private static let end64Bytes = 56
  private static let listedBytes = 46
  private static let headerBytes = 30

  /// Whether the file begins as a zip archive does.
  static func begins(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.prefix(4).elementsEqual([0x50, 0x4B, 3, 4])
  }

  /// Reads and checks the directory and every entry's header; no entry is read. Throws
  /// `.unreadable`, `.malformed`, or `.unsupported` for entries that are compressed or encrypted.
  init(reading file: ReadableFile) throws(CheckpointError) {
    path = file.path
    let place = try Self.place(in: file)
    let listed = try Self.listed(place, file)
    var entries: [String: Range<Int>] = [:]
    var taken: [(name: String, range: Range<Int>)] = []
    for entry in listed {
      let header = try file.bytes(entry.offset, Self.headerBytes, "the header of \(entry.name)")
      let nameBytes = Int(header.littleEndian(UInt16.self, at: 26))
      let start =
        entry.offset + Self.headerBytes + nameBytes + Int(header.littleEndian(UInt16.self, at: 28))
      guard header.littleEndian(UInt32.self, at: 0) == 0x0403_4B50,
        nameBytes == entry.name.utf8.count,
        try file.bytes(entry.offset + Self.headerBytes, nameBytes, "the name of \(entry.name)")
          == Array(entry.name.utf8)
      else { throw Self.malformed(path, "entry \(entry.name) is not where its directory says") }
      guard start <= place.range.lowerBound,
        entry.byteCount <= place.range.lowerBound - start
      else {
        throw Self.malformed(
          path, "entry \(entry.name) of \(entry.byteCount) bytes ends beyond the archive's data")
      }
      guard entries.updateValue(start..<start + entry.byteCount, forKey: entry.name) == nil else {
        throw Self.malformed(path, "entry \(entry.name) stands twice")
      }
      taken.append((entry.name, entry.offset..<start + entry.byteCount))
    }
    taken.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (first, second) in zip(taken, taken.dropFirst())
    where second.range.lowerBound < first.range.upperBound {
      throw Self.malformed(path, "entries \(first.name) and \(second.name) overlap")
    }
    self.entries = entries
  }

  /// An entry as the directory lists it.
  private struct Listed {
    let name: String
    let byteCount: Int
    /// Of its header.
    let offset: Int
  }

  private struct Place {
    let range: Range<Int>
    let entries: Int
  }

  /// Where the directory is.
  private static func place(in file: ReadableFile) throws(CheckpointError) -> Place {
    guard file.byteCount >= endBytes else { throw malformed(file.path, "it is too short") }
    let endStart = file.byteCount - endBytes
    let end = try file.bytes(endStart, endBytes, "its end")
    // PyTorch writes no comment behind it, so that there is one reading of a file's end.
    guard end.littleEndian(UInt32.self, at: 0) == 0x0605_4B50,
      end.littleEndian(UInt16.self, at: 20) == 0
    else {
      throw malformed(
        file.path, "it does not end with a directory",
        remedy: "The file is truncated or damaged: fetch it again")
    }
    var entries = UInt64(end.littleEndian(UInt16.self, at: 10))
    var byteCount = UInt64(end.littleEndian(UInt32.self, at: 12))
    var offset = UInt64(end.littleEndian(UInt32.self, at: 16))
    var limit = endStart
    if endStart >= locatorBytes + end64Bytes {
      let locator = try file.bytes(endStart - locatorBytes, locatorBytes, "its end")
      if locator.littleEndian(UInt32.self, at: 0) == 0x0706_4B50 {
        limit = endStart - locatorBytes - end64Bytes
        let end64 = try file.bytes(limit, end64Bytes, "its end")
        guard locator.littleEndian(UInt64.self, at: 8) == UInt64(limit),
          end64.littleEndian(UInt32.self, at: 0) == 0x0606_4B50
        else { throw malformed(file.path, "the place of its directory is wrong") }
        entries = end64.littleEndian(at: 32)
        byteCount = end64.littleEndian(at: 40)
        offset = end64.littleEndian(at: 48)
      }
    }
    guard entries <= UInt64(entriesMax), byteCount <= UInt64(directoryBytesMax) else {
      throw malformed(
        file.path,
        "its directory claims \(entries) entries in \(byteCount) bytes; at most "
          + "\(entriesMax) in \(directoryBytesMax) are read")
    }
    guard offset <= UInt64(limit), Int(byteCount) == limit - Int(offset) else {
      throw malformed(file.path, "the place of its directory is wrong")
    }
    return Place(range: Int(offset)..<limit, entries: Int(entries))
  }

  private static func listed(
    _ place: Place, _ file: ReadableFile
  ) throws(CheckpointError) -> [Listed] {
    let bytes = try file.bytes(place.range.lowerBound, place.range.count, "its directory")
    var (position, result) = (0, [Listed]())
    for _ in 0..<place.entries {
      guard bytes.count - position >= listedBytes,
        bytes.littleEndian(UInt32.self, at: position) == 0x0201_4B50
      else { throw malformed(file.path, "its directory is damaged") }
      let lengths = [28, 30, 32].map { Int(bytes.littleEndian(UInt16.self, at: position + $0)) }
      let nameStart = position + listedBytes
      guard lengths.reduce(0, +) <= bytes.count - nameStart,
        let name = String(validating: bytes[nameStart..<nameStart + lengths[0]], as: UTF8.self)
      else { throw malformed(file.path, "its directory is damaged") }
      let extra = Array(bytes[nameStart + lengths[0]..<nameStart + lengths[0] + lengths[1]])
      result.append(
        try entry(
          name, Array(bytes[position..<nameStart]), numbers: large(in: extra), path: file.path))
      position = nameStart + lengths.reduce(0, +)
    }
    guard position == bytes.count else { throw malformed(file.path, "its directory is damaged") }
    return result
  }

  /// `numbers` are those that do not fit the entry's own fields, in their order.
  private static func entry(
    _ name: String, _ fields: [UInt8], numbers: [UInt64], path: String
  ) throws(CheckpointError) -> Listed {
    let flags = fields.littleEndian(UInt16.self, at: 8)
    guard fields.littleEndian(UInt16.self, at: 10) == 0, flags & 0x2041 == 0 else {
      throw CheckpointError(
        .unsupported, "\(path): entry \(name.prefix(80)) is compressed or encrypted",
        remedy: "torch.save stores tensors as they are: save the file anew with it")
    }
    var numbers = numbers[...]
    func number(at position: Int) throws(CheckpointError) -> UInt64 {
      let value = fields.littleEndian(UInt32.self, at: position)
      guard value == .max else { return UInt64(value) }
      guard let large = numbers.popFirst() else {
        throw malformed(path, "entry \(name.prefix(80)) has a size or place that is missing")
      }
      return large
    }
    let byteCount = try number(at: 24)
    let storedCount = try number(at: 20)
    let offset = try number(at: 42)
    guard byteCount == storedCount, byteCount <= UInt64(Int.max / 4),
      offset <= UInt64(Int.max / 4)
    else { throw malformed(path, "entry \(name.prefix(80)) has a size or place that is wrong") }
    return Listed(name: name, byteCount: Int(byteCount), offset: Int(offset))
  }

  /// The numbers of a zip64 field among an entry's extra fields.
  private static func large(in extra: [UInt8]) -> [UInt64] {
    var position = 0
    while extra.count - position >= 4 {
      let count = Int(extra.littleEndian(UInt16.self, at: position + 2))
      let start = position + 4
      guard count <= extra.count - start else { return [] }
      if extra.littleEndian(UInt16.self, at: position) == 1 {
        return (0..<count / 8).map { extra.littleEndian(at: start + 8 * $0) }
      }
      position = start + count
    }
    return []
  }

  private static func malformed(
    _ path: String, _ cause: String, remedy: String = ""
  ) -> CheckpointError {
    CheckpointError(
      .malformed, "\(path) is not a whole file of PyTorch's: \(cause)", remedy: remedy)
  }
}
