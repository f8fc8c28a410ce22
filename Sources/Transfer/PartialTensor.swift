/// A tensor that is on its way into the cache.

internal import Crypto
internal import Foundation

/// The prefix of a tensor that is here, in a file that outlives the process, and chunks that came
/// before their turn.
final class PartialTensor {
  let content: ContentName
  let byteCount: Int
  /// Bytes at its beginning that are here.
  private(set) var prefixBytes = 0
  /// Those of them that were here before.
  let resumedBytes: Int

  private let cache: TensorCache
  private let url: URL
  private let handle: FileHandle
  private var hash = SHA256()
  /// Chunks behind a gap, by their offset.
  private var early: [Int: [UInt8]] = [:]

  /// Goes on with what another process left, unless it is still at it. Throws `.unwritable`.
  init(_ content: ContentName, byteCount: Int, in cache: TensorCache) throws(TransferError) {
    self.content = content
    self.byteCount = byteCount
    self.cache = cache
    let name = content.description
    do {
      var url = cache.directory.appending(path: name + TensorCache.partialSuffix)
      var handle = try Self.open(url)
      if flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) != 0 {
        url = cache.directory.appending(path: "\(name)-\(UUID())\(TensorCache.partialSuffix)")
        handle = try Self.open(url)
        _ = flock(handle.fileDescriptor, LOCK_EX | LOCK_NB)
      }
      (self.url, self.handle) = (url, handle)
      if try handle.seekToEnd() > UInt64(byteCount) { try handle.truncate(atOffset: 0) }
      try handle.seek(toOffset: 0)
      while let data = try handle.read(upToCount: 4 << 20), !data.isEmpty {
        hash.update(data: data)
        prefixBytes += data.count
      }
      resumedBytes = prefixBytes
    } catch {
      throw Self.unwritable(cache, error)
    }
  }

  private static func open(_ url: URL) throws -> FileHandle {
    if !FileManager.default.fileExists(atPath: url.path) {
      try Data().write(to: url, options: .withoutOverwriting)
    }
    return try FileHandle(forUpdating: url)
  }

  /// Whether all bytes are here.
  var isWhole: Bool { prefixBytes == byteCount }

  /// Takes a chunk that lies inside the tensor; writes as far as there is no gap.
  ///
  /// Throws `.unwritable`, as when the disk is full.
  func take(_ data: [UInt8], at offset: Int) throws(TransferError) {
    early[offset] = data
    while let next = early.removeValue(forKey: prefixBytes) {
      do {
        try handle.write(contentsOf: next)
      } catch {
        throw Self.unwritable(cache, error)
      }
      hash.update(data: next)
      prefixBytes += next.count
    }
  }

  /// Forgets chunks behind a gap: they are asked for again.
  func dropEarly() { early = [:] }

  /// Puts a whole tensor in its place; false, and nothing is left of it, where its bytes are not what
  /// they should be.
  ///
  /// Throws `.unwritable`.
  func finish() throws(TransferError) -> Bool {
    defer { try? handle.close() }
    guard isWhole, ContentName(Array(hash.finalize())) == content else {
      try? FileManager.default.removeItem(at: url)
      return false
    }
    let target = cache.file(content)
    guard rename(url.path, target.path) == 0 else {
      throw Self.unwritable(cache, NSError(domain: NSPOSIXErrorDomain, code: Int(errno)))
    }
    return true
  }

  private static func unwritable(_ cache: TensorCache, _ error: any Error) -> TransferError {
    TransferError(
      .unwritable,
      "the cache \(cache.directory.path) cannot be written: \(TensorCache.cause(error))",
      remedy: "Free some space, or name another directory with --cache")
  }
}
