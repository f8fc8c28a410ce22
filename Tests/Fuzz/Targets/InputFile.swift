internal import Foundation

/// A file of one name that holds one input after the other, for readers that take files.
struct InputFile: Sendable {
  let url: URL
  /// Stays open, since opening takes longer than most readers do.
  private let descriptor: Int32

  /// `name` is a path in the folder for temporary files; Tests/Fuzz/run gives one in memory.
  init(_ name: String) {
    url = FileManager.default.temporaryDirectory.appending(path: name)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    } catch {
      fatalError("\(url.path) cannot be made: \(error)")
    }
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    require(descriptor >= 0, "\(url.path) cannot be opened")
  }

  func write(_ bytes: [UInt8]) {
    let isWritten =
      pwrite(descriptor, bytes, bytes.count, 0) == bytes.count
      && ftruncate(descriptor, bytes.count) == 0
    require(isWritten, "\(url.path) cannot be written")
  }
}
