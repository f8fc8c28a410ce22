/// Bytes on their way to a file.

public import Foundation

extension ReadOnlyMemory {
  /// Writes all bytes where `file` stands.
  ///
  /// Throws `.unwritable` with the system's words, such as that no space is left.
  public func write(to file: FileHandle) throws(ComputeError) {
    var done = 0
    while done < count {
      let written = Foundation.write(
        file.fileDescriptor, base + done, min(count - done, Self.chunkBytes))
      if written > 0 {
        done += written
      } else if errno != EINTR {
        throw ComputeError(.unwritable, String(cString: strerror(errno)))
      }
    }
  }

  private static let chunkBytes = 16 << 20
}

extension StoredTensor {
  /// Writes the bytes as they are held, packed where they are quantised, where `file` stands.
  ///
  /// Throws `.unwritable`.
  public func write(to file: FileHandle) throws(ComputeError) { try memory.write(to: file) }
}
