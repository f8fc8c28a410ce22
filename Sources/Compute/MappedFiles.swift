/// Mapped files that cannot be read any more.

internal import CKernels
internal import Foundation

public enum MappedFiles {
  /// From now on calls `onFault` once, on a thread of its own, when bytes of a mapped file are needed and
  /// cannot be read: the file was cut short, or its disk fails. Whoever needed them never goes on, so that
  /// nothing is computed with what is not there; all that is left is to say so and to end the process.
  ///
  /// Throws `.noThread` where the system has no pipe left.
  public static func watch(
    onFault: @escaping @Sendable (ComputeError) -> Void
  ) throws(ComputeError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw ComputeError(.noThread, "no pipe: \(String(cString: strerror(errno)))")
    }
    let (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    Thread.detachNewThread {
      var fault = ck_mapping_fault()
      var count = -1
      repeat {
        count = read(reading, &fault, MemoryLayout<ck_mapping_fault>.size)
      } while count < 0 && errno == EINTR
      guard count == MemoryLayout<ck_mapping_fault>.size else { return }
      onFault(error(fault))
    }
    let number = ck_mapping_faults_report(writing)
    guard number == 0 else {
      throw ComputeError(.noThread, "no signal handler: \(String(cString: strerror(number)))")
    }
  }

  private static func error(_ fault: ck_mapping_fault) -> ComputeError {
    let path = withUnsafeBytes(of: fault.path) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return ComputeError(
      .unreadable,
      "\(path) cannot be read any more at byte \(fault.offset): \(cause(path, fault.offset))",
      remedy: "Put the file right, or fetch it again, and start this process again")
  }

  /// What the file looks like now where it could not be read.
  private static func cause(_ path: String, _ offset: UInt64) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return String(cString: strerror(errno)) }
    defer { close(file) }
    var byte: UInt8 = 0
    switch pread(file, &byte, 1, off_t(offset)) {
    case 0:
      var status = stat()
      fstat(file, &status)
      return "it was cut short to \(status.st_size) bytes"
    case 1: return "its disk failed"
    default: return String(cString: strerror(errno))
    }
  }
}
