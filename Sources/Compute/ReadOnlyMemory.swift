/// Bytes that never change: a mapped part of a file, or a copy.

internal import CKernels
import Foundation

/// Read-only bytes, mapped from a file or held in memory.
///
/// `@unchecked Sendable`: the bytes are written only before `init` returns and the mapping lives as
/// long as the object.
public final class ReadOnlyMemory: @unchecked Sendable {
  public let count: Int
  let base: UnsafeRawPointer
  private let mapping: UnsafeMutableRawBufferPointer?
  private let reserved: ReservedMemory?
  private let copied: UnsafeMutableRawPointer?
  /// Under which number a mapped file is known to `MappedFiles`; -1 under none.
  private let mappingNumber: Int32

  /// Maps `count` bytes of a file from `offset` on. Pages are read when they are first touched.
  ///
  /// Throws `.unreadable` when the file cannot be opened or is shorter.
  public init(mapping path: String, offset: Int, count: Int) throws(ComputeError) {
    precondition(offset >= 0 && count >= 0)
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Self.unreadable(path) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Self.unreadable(path) }
    guard count <= Int(status.st_size), offset <= Int(status.st_size) - count else {
      throw ComputeError(
        .unreadable,
        "\(path) is \(status.st_size) bytes; bytes \(offset) to \(offset + count) are asked for",
        remedy: "The file is truncated: fetch it again")
    }
    guard count > 0 else {
      (mapping, reserved, copied, mappingNumber) = (nil, nil, nil, -1)
      base = UnsafeRawPointer(bitPattern: 16)!
      self.count = 0
      return
    }
    let pageStart = offset / Self.pageSize * Self.pageSize
    let length = offset + count - pageStart
    guard
      let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, file, off_t(pageStart)),
      start != MAP_FAILED
    else { throw Self.unreadable(path) }
    mapping = UnsafeMutableRawBufferPointer(start: start, count: length)
    mappingNumber = ck_mapping_note(start, length, path, UInt64(pageStart))
    (reserved, copied) = (nil, nil)
    base = UnsafeRawPointer(start + (offset - pageStart))
    self.count = count
  }

  /// A copy of `bytes`, aligned for any number.
  public init(copying bytes: [UInt8]) {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { buffer.copyMemory(from: start, byteCount: source.count) }
    }
    (mapping, reserved, mappingNumber) = (nil, nil, -1)
    base = UnsafeRawPointer(buffer)
    count = bytes.count
    copied = buffer
  }

  /// Memory of `count` bytes, aligned to pages, that `fill` writes before anybody reads it.
  ///
  /// Throws `.outOfMemory`.
  init(
    count: Int, filling fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(ComputeError) {
    guard let memory = ReservedMemory(byteCount: count) else {
      throw ComputeError(.outOfMemory, "no room for \(count) bytes of weights")
    }
    // Large pages are a matter of speed alone; the system may refuse.
    _ = madvise(memory.base, memory.byteCount, MADV_HUGEPAGE)
    fill(UnsafeMutableRawBufferPointer(start: memory.base, count: count))
    (mapping, mappingNumber, copied) = (nil, -1, nil)
    reserved = memory
    base = UnsafeRawPointer(memory.base)
    self.count = count
  }

  deinit {
    ck_mapping_forget(mappingNumber)
    if let mapping { munmap(mapping.baseAddress!, mapping.count) }
    copied?.deallocate()
  }

  /// The bytes of `range` as an array.
  public func bytes(_ range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return Array(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// The first and the last `count` bytes, fewer if there are fewer.
  public func ends(_ count: Int) -> [[UInt8]] {
    let count = min(count, self.count)
    return [bytes(0..<count), bytes(self.count - count..<self.count)]
  }

  private static let pageSize = sysconf(Int32(_SC_PAGESIZE))

  private static func unreadable(_ path: String) -> ComputeError {
    ComputeError(.unreadable, "\(path): \(String(cString: strerror(errno)))")
  }
}
