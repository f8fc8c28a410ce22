internal import Foundation
import Glibc

/// Files that only their owner may read.
enum SecretFile {
  private static let bytesMax = 1 << 20

  /// Throws `.invalidKey` if the file cannot be read, or others than its owner may.
  static func read(_ path: String) throws(MessagingError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw MessagingError(
        .invalidKey, "the key file \(path) cannot be read: \(MessagingError.reason(errno))",
        remedy: "Make keys with `chatspot keys make`, or name the file with --keys")
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_mode & 0o077 == 0
    else {
      throw MessagingError(
        .invalidKey, "the key file \(path) can be read by others than its owner",
        remedy: "Run: chmod 600 \(path)")
    }
    guard status.st_size <= bytesMax, let data = try? handle.readToEnd(),
      let text = String(data: data, encoding: .utf8)
    else { throw MessagingError(.invalidKey, "the key file \(path) is no text") }
    return text
  }

  /// Writes a new file, or replaces one at once and whole. Throws `.invalidKey`.
  static func write(_ text: String, to path: String, replaces: Bool) throws(MessagingError) {
    let temporary = replaces ? "\(path).\(getpid()).new" : path
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw unwritable(path) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    do {
      try handle.write(contentsOf: Data(text.utf8))
      try handle.synchronize()
    } catch {
      unlink(temporary)
      throw unwritable(path)
    }
    if replaces, rename(temporary, path) != 0 {
      defer { unlink(temporary) }
      throw unwritable(path)
    }
  }

  private static func unwritable(_ path: String) -> MessagingError {
    MessagingError(
      .invalidKey, "\(path) cannot be written: \(MessagingError.reason(errno))",
      remedy: errno == EEXIST ? "Name another, or remove it" : "Name a directory of your own")
  }
}
