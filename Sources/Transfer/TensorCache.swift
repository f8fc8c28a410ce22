/// Tensors on disk by their content, bounded.

internal import Crypto
public import Foundation

/// A directory of files that are named by the SHA-256 of what they hold. A file gets its name only
/// once it is whole and its bytes are what the name says; before that it is `NAME.part`, of which a
/// prefix is there.
///
/// Several processes of a machine may share one. Removing a file that another one has mapped does
/// it no harm.
public struct TensorCache: Sendable {
  public let directory: URL
  /// Bytes of all files together.
  public let bytesMax: Int

  static let partialSuffix = ".part"

  /// Makes the directory if there is none. Throws `.unwritable`.
  public init(directory: URL, bytesMax: Int) throws(TransferError) {
    self.directory = directory
    self.bytesMax = bytesMax
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    } catch {
      throw TransferError(
        .unwritable, "the cache \(directory.path) cannot be made: \(Self.cause(error))",
        remedy: "Name another directory with --cache")
    }
  }

  /// Where caches are if nobody says otherwise: `$XDG_CACHE_HOME/chatspot` or `~/.cache/chatspot`.
  public static var defaultDirectory: URL {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? URL(filePath: $0) : nil }
      ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache")
    return base.appending(path: "chatspot")
  }

  /// Where a content stands, or is to stand.
  func file(_ content: ContentName) -> URL { directory.appending(path: content.description) }

  /// Whether a content is here whole; reads all of it. A file that is not what its name says is
  /// removed, and `wasDamaged` set.
  func holds(_ content: ContentName, byteCount: Int, wasDamaged: inout Bool) -> Bool {
    let url = file(content)
    guard FileManager.default.fileExists(atPath: url.path) else { return false }
    if let digest = try? Self.digest(of: url, byteCount: byteCount), digest == content {
      touch(content)
      return true
    }
    wasDamaged = true
    try? FileManager.default.removeItem(at: url)
    return false
  }

  /// Whether a file of the right name and size is here.
  func isWhole(_ content: ContentName, byteCount: Int) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file(content).path)
    return attributes?[.size] as? Int == byteCount
  }

  /// Notes that a content is used now: what was used longest ago goes first.
  func touch(_ content: ContentName) {
    try? FileManager.default.setAttributes(
      [.modificationDate: Date()], ofItemAtPath: file(content).path)
  }

  /// Removes what was used longest ago, until there is room for `needed` beside what is left. Nothing
  /// of `needed` (contents and their bytes) is removed.
  ///
  /// Throws `.noRoom` if that is too much for the cache.
  func makeRoom(for needed: [ContentName: Int]) throws(TransferError) {
    let wanted = needed.values.reduce(0, +)
    guard wanted <= bytesMax else {
      throw TransferError(
        .noRoom,
        "\(wanted >> 20) MiB of tensors are needed; the cache \(directory.path) may hold "
          + "\(bytesMax >> 20) MiB",
        remedy: "Raise --cache-bytes")
    }
    var others: [(url: URL, bytes: Int, used: Date)] = []
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey]
    let files = try? FileManager.default.contentsOfDirectory(
      at: directory, includingPropertiesForKeys: Array(keys))
    for url in files ?? [] {
      guard let content = ContentName(ofFile: url.lastPathComponent), needed[content] == nil,
        let values = try? url.resourceValues(forKeys: keys)
      else { continue }
      others.append((url, values.fileSize ?? 0, values.contentModificationDate ?? .distantPast))
    }
    var total = wanted + others.reduce(0) { $0 + $1.bytes }
    for other in others.sorted(by: { $0.used < $1.used }) where total > bytesMax {
      try? FileManager.default.removeItem(at: other.url)
      total -= other.bytes
    }
  }

  /// SHA-256 of a file of so many bytes; nil of one of another size.
  static func digest(of url: URL, byteCount: Int) throws -> ContentName? {
    let file = try FileHandle(forReadingFrom: url)
    defer { try? file.close() }
    guard try file.seekToEnd() == UInt64(byteCount) else { return nil }
    try file.seek(toOffset: 0)
    var hash = SHA256()
    while let data = try file.read(upToCount: 4 << 20), !data.isEmpty { hash.update(data: data) }
    return ContentName(Array(hash.finalize()))
  }

  /// What the system says went wrong.
  static func cause(_ error: any Error) -> String {
    let error = error as NSError
    let system = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
    guard system.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
    return String(cString: strerror(Int32(system.code)))
  }
}
