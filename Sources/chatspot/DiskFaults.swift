/// Disks that fail or are full, as far as a whole process is concerned.

import Compute
import Foundation
import Synchronization

/// A mapped checkpoint that cannot be read any more ends the process with the cause, after its last words
/// to others; a file that may not grow any more is an error like any other.
enum DiskFaults {
  private static let lastWords = Mutex<(@Sendable (ComputeError) async -> Void)?>(nil)

  /// How long last words and their way out of this process may take.
  private static let patience = DispatchTimeInterval.seconds(3)

  /// To be called before anything is mapped. Throws `ComputeError`.
  static func watch() throws {
    signal(SIGXFSZ, SIG_IGN)
    try MappedFiles.watch { error in
      FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
      if let last = lastWords.withLock(\.self) {
        let said = DispatchSemaphore(value: 0)
        Task.detached {
          await last(error)
          await Termination.deliverLastWords()
          said.signal()
        }
        // Whoever waits for the bytes may be who was to say it.
        _ = said.wait(timeout: .now() + patience)
      }
      _exit(1)
    }
  }

  /// What is to be said to others before such an end.
  static func beforeTheEnd(_ say: @escaping @Sendable (ComputeError) async -> Void) {
    lastWords.withLock { $0 = say }
  }
}
