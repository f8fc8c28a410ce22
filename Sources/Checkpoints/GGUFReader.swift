/// The bytes at the beginning of a GGUF file, read as far as they are needed.

import Foundation

/// Reads little-endian values one after the other. No claim of the file is believed before the file
/// is seen to be long enough for it, and memory grows with what has been read alone.
struct GGUFReader {
  let path: String
  let fileBytes: Int
  private let file: FileHandle
  /// What has been read, from the file's first byte on.
  private(set) var bytes: [UInt8] = []
  /// The next byte.
  private(set) var position = 0

  /// Most bytes before the tensors' data: the vocabulary of a large tokeniser takes some 10 MB.
  static let headerBytesMax = 256 << 20
  private static let chunkBytes = 1 << 20

  /// Throws `.unreadable`.
  init(_ url: URL) throws(CheckpointError) {
    path = url.path
    guard let file = try? FileHandle(forReadingFrom: url),
      let end = (try? file.seekToEnd()).flatMap({ Int(exactly: $0) }),
      (try? file.seek(toOffset: 0)) != nil
    else { throw CheckpointError(.unreadable, "\(url.path) does not exist or cannot be read") }
    self.file = file
    fileBytes = end
  }

  func malformed(_ cause: String, remedy: String = "") -> CheckpointError {
    CheckpointError(.malformed, "\(path) is not a whole GGUF file: \(cause)", remedy: remedy)
  }

  /// Reads on until `count` bytes are there from `position` on; `what` names them in errors.
  mutating func need(_ count: Int, for what: String) throws(CheckpointError) {
    guard count >= 0, count <= fileBytes - position else {
      throw malformed(
        "\(what) would end beyond the file's \(fileBytes) bytes",
        remedy: "The file is truncated or damaged: fetch it again")
    }
    guard position + count <= Self.headerBytesMax else {
      throw malformed("\(what) would end beyond \(Self.headerBytesMax) bytes of header")
    }
    while bytes.count < position + count {
      let wanted = min(
        max(Self.chunkBytes, position + count - bytes.count), fileBytes - bytes.count)
      guard let chunk = try? file.read(upToCount: wanted), !chunk.isEmpty else {
        throw CheckpointError(.unreadable, "\(path) cannot be read at byte \(bytes.count)")
      }
      bytes.append(contentsOf: chunk)
    }
  }

  mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, _ what: String
  ) throws(CheckpointError) -> Value {
    let count = Value.bitWidth / 8
    try need(count, for: what)
    position += count
    return bytes.littleEndian(at: position - count)
  }

  /// A count or length, which may be no larger than `limit` and than the bytes that are left at
  /// `itemBytes` each.
  mutating func count(
    _ what: String, limit: Int, itemBytes: Int
  ) throws(CheckpointError) -> Int {
    let value = try integer(UInt64.self, what)
    guard value <= UInt64(limit) else {
      throw malformed("\(what) is \(value); at most \(limit) is read")
    }
    let left = fileBytes - position
    guard Int(value) <= left / itemBytes else {
      throw malformed(
        "\(what) is \(value), more than the \(left) bytes that are left can hold",
        remedy: "The file is truncated or damaged: fetch it again")
    }
    return Int(value)
  }

  /// A length and so many bytes; gives their place.
  mutating func string(_ what: String, bytesMax: Int) throws(CheckpointError) -> Range<Int> {
    let count = try count("the length of \(what)", limit: bytesMax, itemBytes: 1)
    return try skip(count, what)
  }

  /// Passes over `count` bytes, which are read all the same; gives their place.
  mutating func skip(_ count: Int, _ what: String) throws(CheckpointError) -> Range<Int> {
    try need(count, for: what)
    position += count
    return position - count..<position
  }
}
