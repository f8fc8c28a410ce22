internal import Foundation

/// A file of one name that holds one input after the other, for readers that take files.
struct InputFile: Sendable {
  let url: URL

  /// `name` is a path in the folder for temporary files; Tests/Fuzz/run gives one in memory.
  init(_ name: String) {
    url = FileManager.default.temporaryDirectory.appending(path: name)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    } catch {
      fatalError("\(url.path) cannot be made: \(error)")
    }
  }

  func write(_ bytes: [UInt8]) {
    do {
      try Data(bytes).write(to: url)
    } catch {
      fatalError("\(url.path) cannot be written: \(error)")
    }
  }
}
