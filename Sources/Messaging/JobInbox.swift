/// What other threads leave for a reactor, guarded by one lock.
struct JobInbox {
  /// Jobs in the order of their arrival.
  var jobs: [UnownedJob] = []
  /// Whether the thread is about to wait, or waits, for its descriptors and has to be woken.
  var isAsleep = false
  /// Whether `shutdown()` was called.
  var isStopping = false
  /// Whether a thread takes the jobs.
  var hasThread = true
}
