import CZeroMQ
import Glibc

/// What a reactor does in its turns. Only the reactor's thread touches it.
final class ReactorLoop {
  var timers = TimerQueue()
  /// Whether a socket came or went since the descriptors were listed.
  var socketsChanged = false
  private(set) var isStopping = false
  private var sockets: [Socket] = []
  private var jobs: [UnownedJob] = []
  private var nextJob = 0
  /// The wakeup's descriptor, then two for each socket: its own and its monitor's.
  private var descriptors: [pollfd]
  private let wakeup: Wakeup

  /// How many jobs run before the sockets get their turn.
  private static let turnJobs = 256

  init(wakeup: Wakeup) {
    self.wakeup = wakeup
    descriptors = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
  }

  var hasJobs: Bool { nextJob < jobs.count }
  var hasSockets: Bool { !sockets.isEmpty }

  func add(_ socket: Socket) {
    sockets.append(socket)
    socketsChanged = true
  }

  /// Takes over jobs; must only be called when the earlier ones are done.
  func take(_ jobs: [UnownedJob]) {
    self.jobs = jobs
    nextJob = 0
  }

  /// Runs a batch of jobs, gives every socket and due timer its turn.
  func turn(on executor: UnownedSerialExecutor) {
    let end = min(jobs.count, nextJob + Self.turnJobs)
    while nextJob < end {
      nextJob += 1
      jobs[nextJob - 1].runSynchronously(on: executor)
    }
    let now = MonotonicClock.nanoseconds()
    fireTimers(now: now)
    // Handlers may add sockets: the loop runs over the list as it is now.
    for socket in sockets {
      if socket.deadline != nil { socket.expire(now: now) }
      if socket.needsService { socket.service() }
    }
    if socketsChanged { listDescriptors() }
  }

  /// Closes the sockets and drops the timers; the sockets may linger for a few turns more.
  func stop() {
    guard !isStopping else { return }
    isStopping = true
    for timer in timers.removeAll() { timer.release() }
    for socket in sockets { socket.close() }
    if socketsChanged { listDescriptors() }
  }

  /// How long nothing has to be done, in milliseconds for `poll`: -1 is for ever.
  func pollTimeoutMilliseconds() -> Int32 {
    var deadline = timers.nextDeadline ?? .max
    for socket in sockets {
      if socket.needsService { return 0 }
      deadline = min(deadline, socket.deadline ?? .max)
    }
    guard deadline != .max else { return -1 }
    let now = MonotonicClock.nanoseconds()
    guard deadline > now else { return 0 }
    // Rounded up, or the last part of a millisecond would be spent in a busy loop.
    return Int32(min((deadline - now + 999_999) / 1_000_000, UInt64(Int32.max)))
  }

  /// Waits for the descriptors and marks the sockets that have news.
  func poll(timeoutMilliseconds: Int32) {
    // The descriptors are ZeroMQ's own (ZMQ_FD) under the system's poll. `zmq_poll` would ask every
    // socket for its events before each wait, and would not return when one blocked peer of a
    // router becomes writable while the others are.
    let ready = descriptors.withUnsafeMutableBufferPointer {
      Glibc.poll($0.baseAddress, nfds_t($0.count), timeoutMilliseconds)
    }
    guard ready > 0 else { return }
    if descriptors[0].revents != 0 { wakeup.drain() }
    for (index, socket) in sockets.enumerated()
    where descriptors[1 + 2 * index].revents != 0 || descriptors[2 + 2 * index].revents != 0 {
      socket.needsService = true
    }
  }

  private func fireTimers(now: UInt64) {
    guard let next = timers.nextDeadline, next <= now else { return }
    for timer in timers.takeDue(now: now) where !timer.isCancelled {
      timer.fire()
      if let interval = timer.interval, !timer.isCancelled {
        timers.insert(timer, at: timer.nextDeadline(after: now, interval: interval))
      }
    }
  }

  private func listDescriptors() {
    socketsChanged = false
    sockets.removeAll { if case .closed = $0.state { true } else { false } }
    descriptors.removeLast(descriptors.count - 1)
    for socket in sockets {
      for descriptor in [socket.handle.descriptor, socket.monitor.handle.descriptor] {
        descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
      }
    }
  }
}
