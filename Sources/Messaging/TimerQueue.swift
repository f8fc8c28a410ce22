/// Timers in the order in which they fall due. Holds no clock: the time is told to it.
struct TimerQueue {
  private struct Entry {
    var deadline: UInt64
    /// Keeps timers of one deadline in the order in which they were set.
    var order: UInt64
    var timer: TimerToken
  }

  /// Latest first, so that the next one is taken from the end.
  private var entries: [Entry] = []
  private var nextOrder: UInt64 = 0

  /// How many timers wait.
  var count: Int { entries.count }

  /// When the next timer falls due, in nanoseconds of the monotonic clock.
  var nextDeadline: UInt64? { entries.last?.deadline }

  /// Adds a timer that falls due at the deadline.
  mutating func insert(_ timer: TimerToken, at deadline: UInt64) {
    let entry = Entry(deadline: deadline, order: nextOrder, timer: timer)
    nextOrder &+= 1
    entries.insert(entry, at: position(deadline: deadline, order: entry.order))
    timer.place = TimerToken.Place(deadline: deadline, order: entry.order)
  }

  /// Takes out a timer that waits; nothing happens when it does not.
  mutating func remove(_ timer: TimerToken) {
    guard let place = timer.place else { return }
    let index = position(deadline: place.deadline, order: place.order)
    timer.place = nil
    guard index < entries.count, entries[index].timer === timer else { return }
    entries.remove(at: index)
  }

  /// Takes out all timers due at `now`, the earliest first.
  mutating func takeDue(now: UInt64) -> [TimerToken] {
    var due: [TimerToken] = []
    while let last = entries.last, last.deadline <= now {
      entries.removeLast()
      last.timer.place = nil
      due.append(last.timer)
    }
    return due
  }

  /// Takes out everything.
  mutating func removeAll() -> [TimerToken] {
    takeDue(now: .max)
  }

  /// The first index whose entry is not later than the given one.
  private func position(deadline: UInt64, order: UInt64) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      let entry = entries[middle]
      if (entry.deadline, entry.order) > (deadline, order) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
