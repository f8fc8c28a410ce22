import Glibc

/// Which reactor the calling thread belongs to, kept in a thread-specific slot.
///
/// A slot rather than a stored thread number: the system gives the numbers of ended threads out
/// again.
enum CurrentReactor {
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let failure = pthread_key_create(&key, nil)
    precondition(failure == 0, "the process has no thread-specific slot left")
    return key
  }()

  /// Says whether the calling thread is any reactor's.
  static var exists: Bool { pthread_getspecific(key) != nil }

  /// Says whether the calling thread is this reactor's.
  static func isCurrent(_ reactor: Reactor) -> Bool {
    pthread_getspecific(key)
      == UnsafeMutableRawPointer(Unmanaged.passUnretained(reactor).toOpaque())
  }

  /// Marks the calling thread as this reactor's for the duration of `body`.
  static func enter(_ reactor: Reactor, _ body: () -> Void) {
    let previous = pthread_getspecific(key)
    pthread_setspecific(key, Unmanaged.passUnretained(reactor).toOpaque())
    body()
    pthread_setspecific(key, previous)
  }
}
