/// The image files of the queries that are being answered.

/// Files by their SHA-256, each kept once however many queries show it.
struct ImageFiles: Sendable {
  private var files: [[UInt8]: (file: [UInt8], users: Int)] = [:]
  /// Bytes of all files.
  private(set) var byteCount = 0

  /// Whether a file is kept already.
  func contains(_ digest: [UInt8]) -> Bool { files[digest] != nil }

  /// One query more that shows a file. Returns the file's bytes as they are kept.
  mutating func add(_ file: [UInt8], digest: [UInt8]) -> [UInt8] {
    if let kept = files[digest] {
      files[digest]?.users += 1
      return kept.file
    }
    files[digest] = (file, 1)
    byteCount += file.count
    return file
  }

  /// One query less.
  mutating func remove(_ digest: [UInt8]) {
    guard let kept = files[digest] else { return }
    files[digest]?.users -= 1
    guard kept.users == 1 else { return }
    files[digest] = nil
    byteCount -= kept.file.count
  }
}
