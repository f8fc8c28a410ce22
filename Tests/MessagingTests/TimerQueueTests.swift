import Testing

@testable import Messaging

@Suite("Timer queue")
struct TimerQueueTests {
  @Test("timers come out as a stable sort by deadline gives them, without the removed ones")
  func matchesSorting() throws {
    let reactor = try Reactor(name: "queue")
    defer { reactor.shutdown() }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      var queue = TimerQueue()
      var model: [(deadline: UInt64, timer: TimerToken)] = []
      for _ in 0..<100 {
        let deadline = UInt64.random(in: 0..<20, using: &random)
        let timer = TimerToken(reactor: reactor, interval: nil) {}
        queue.insert(timer, at: deadline)
        model.append((deadline, timer))
        if Bool.random(using: &random), let victim = model.indices.randomElement(using: &random) {
          queue.remove(model[victim].timer)
          queue.remove(model[victim].timer)
          model.remove(at: victim)
        }
      }
      #expect(queue.count == model.count)
      #expect(queue.nextDeadline == model.map(\.deadline).min())
      for now: UInt64 in [0, 7, 8, 100] {
        let due = queue.takeDue(now: now)
        // Swift's sort is stable.
        let expected = model.filter { $0.deadline <= now }.sorted { $0.deadline < $1.deadline }
        model.removeAll { $0.deadline <= now }
        #expect(due.map(ObjectIdentifier.init) == expected.map { ObjectIdentifier($0.timer) })
      }
    }
  }
}
