/// An open file, read at any place.

import Foundation

/// Bytes of a file by their offsets. What is asked for is checked against the file's size before
/// memory is taken.
struct ReadableFile {
  let path: String
  let byteCount: Int
  private let file: FileHandle

  /// Throws `.unreadable`.
  init(_ url: URL) throws(CheckpointError) {
    path = url.path
    guard let file = try? FileHandle(forReadingFrom: url),
      let end = (try? file.seekToEnd()).flatMap({ Int(exactly: $0) })
    else { throw CheckpointError(.unreadable, "\(url.path) does not exist or cannot be read") }
    self.file = file
    byteCount = end
  }

  /// `count` bytes from `offset` on; `what` names them in errors. Throws `.malformed` where the file
  /// does not have them, `.unreadable`.
  func bytes(_ offset: Int, _ count: Int, _ what: String) throws(CheckpointError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw CheckpointError(
        .malformed, "\(path): \(what.prefix(120)) would end beyond the file's \(byteCount) bytes",
        remedy: "The file is truncated or damaged: fetch it again")
    }
    guard count > 0 else { return [] }
    guard (try? file.seek(toOffset: UInt64(offset))) != nil,
      let data = try? file.read(upToCount: count), data.count == count
    else { throw CheckpointError(.unreadable, "\(path) cannot be read at byte \(offset)") }
    return Array(data)
  }
}
