/// The team of threads: what it is given is done exactly once, and it costs nothing while idle.

import Foundation
import Synchronization
import Testing

@testable import Compute

// Serialised: what is measured here would be disturbed by a team beside it.
@Suite("thread team", .serialized)
struct ThreadTeamTests {
  @Test("every index is done exactly once, in ranges that begin at multiples of the grain")
  func everyIndexOnce() throws {
    var random = SplitMix(state: 1)
    for _ in 0..<30 {
      let team = try ThreadTeam(threads: Int.random(in: 1...9, using: &random))
      for _ in 0..<40 {
        let count = Int.random(in: 0...3000, using: &random)
        let grain = Int.random(in: 1...70, using: &random)
        let marks = Marks(count)
        team.share(count, grain: grain, with: marks) { marks, range, thread in
          if range.lowerBound % grain != 0 || thread >= team.threads { marks.fail() }
          for index in range { marks.mark(index) }
        }
        #expect(marks.allOnce, "\(count) by \(grain) on \(team.threads)")
      }
    }
  }

  @Test("a huge job of tiny chunks is done, chunk by chunk where there are not too many")
  func hugeJob() throws {
    let team = try ThreadTeam(threads: 3)
    let sums = Sums(threads: 3)
    team.share(5_000_001, grain: 2, with: sums) { sums, range, thread in
      sums.add(range.count, range.lowerBound % 2, thread: thread)
    }
    #expect(sums.total == 5_000_001 && sums.odd == 0)
  }

  @Test("many jobs in a row, each sees what the one before has written")
  func manyJobs() throws {
    let team = try ThreadTeam(threads: 3)
    var values = [Int](repeating: 0, count: 64)
    values.withUnsafeMutableBufferPointer { values in
      for round in 0..<20_000 {
        team.share(64, grain: 4, with: (values, round)) { job, range, _ in
          for index in range where job.0[index] == job.1 { job.0[index] += 1 }
        }
      }
    }
    #expect(values.allSatisfy { $0 == 20_000 })
  }

  @Test("a job within a job runs on its caller alone")
  func nested() throws {
    let team = try ThreadTeam(threads: 4)
    let marks = Marks(40 * 50)
    team.share(40, with: (team, marks)) { job, outer, _ in
      for row in outer {
        let caller = pthread_self()
        job.0.share(50, with: (job.1, row, caller)) { inner, range, thread in
          if thread != 0 || pthread_equal(inner.2, pthread_self()) == 0 { inner.0.fail() }
          for column in range { inner.0.mark(inner.1 * 50 + column) }
        }
      }
    }
    #expect(marks.allOnce)
  }

  @Test("jobs from several callers at once are all done")
  func concurrentCallers() async throws {
    let team = try ThreadTeam(threads: 2)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<500 {
            let marks = Marks(97)
            team.share(97, grain: 3, with: marks) { marks, range, _ in range.forEach(marks.mark) }
            if !marks.allOnce { return false }
          }
          return true
        }
      }
      for await allDone in group { #expect(allDone) }
    }
  }

  @Test("every thread gets work when there is enough of it")
  func everyThreadWorks() throws {
    let team = try ThreadTeam(threads: 3)
    let sums = Sums(threads: 3)
    for _ in 0..<200 where !sums.allHave {
      team.share(60, with: sums) { sums, range, thread in
        usleep(200)
        sums.add(range.count, 0, thread: thread)
      }
    }
    #expect(sums.allHave)
  }

  @Test("a team that waits costs no CPU")
  func idle() throws {
    let team = try ThreadTeam(threads: 8, name: "idle")
    let marks = Marks(1000)
    team.share(1000, with: marks) { marks, range, _ in range.forEach(marks.mark) }
    usleep(20_000)
    let before = cpuTime("idle")
    usleep(300_000)
    #expect(threads("idle").count == 7)
    #expect(cpuTime("idle") - before <= 1, "clock ticks of a hundredth of a second")
    withExtendedLifetime(team) {}
  }

  @Test("threads end with their team")
  func threadsEnd() throws {
    for _ in 0..<50 {
      let team = try ThreadTeam(threads: 5, name: "ends")
      let marks = Marks(10)
      team.share(10, with: marks) { marks, range, _ in range.forEach(marks.mark) }
      #expect(marks.allOnce)
    }
    #expect(threads("ends").isEmpty)
  }

  @Test("threads are bound to the CPUs that are named, and a CPU that is not there is refused")
  func processors() throws {
    let available = Processors.available
    let last = try #require(available.last)
    let team = try ThreadTeam(threads: 2, processors: [available[0], last], name: "bound")
    let thread = try #require(threads("bound").first)
    let status = try String(contentsOfFile: thread + "/status", encoding: .utf8)
    #expect(status.contains("Cpus_allowed_list:\t\(last)\n"))
    withExtendedLifetime(team) {}
    #expect(throws: ComputeError.self) { try ThreadTeam(threads: 2, processors: [100_000]) }
  }

  /// The threads of the team of that name, told by their names from those of other tests.
  private func threads(_ name: String) -> [String] {
    let tasks = "/proc/self/task"
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return threads.map { "\(tasks)/\($0)" }.filter {
      ((try? String(contentsOfFile: $0 + "/comm", encoding: .utf8)) ?? "").hasPrefix(name + "-")
    }
  }

  /// Clock ticks, of a hundredth of a second, that the threads of a team have spent.
  private func cpuTime(_ name: String) -> Int {
    threads(name).reduce(0) { sum, thread in
      let fields =
        ((try? String(contentsOfFile: thread + "/stat", encoding: .utf8)) ?? "")
        .split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 12 ? sum + (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : sum
    }
  }
}

/// Counts how often each index was done.
private final class Marks: Sendable {
  private let counts: Mutex<[Int]>
  private let failed = Atomic(false)

  init(_ count: Int) { counts = Mutex([Int](repeating: 0, count: count)) }

  func mark(_ index: Int) { counts.withLock { $0[index] += 1 } }
  func fail() { failed.store(true, ordering: .relaxed) }

  var allOnce: Bool {
    !failed.load(ordering: .relaxed) && counts.withLock { $0.allSatisfy { $0 == 1 } }
  }
}

/// Adds up what each thread did.
private final class Sums: Sendable {
  private let sums: Mutex<(counts: [Int], odd: Int)>

  init(threads: Int) { sums = Mutex(([Int](repeating: 0, count: threads), 0)) }

  func add(_ count: Int, _ odd: Int, thread: Int) {
    sums.withLock {
      $0.counts[thread] += count
      $0.odd += odd
    }
  }

  var total: Int { sums.withLock { $0.counts.reduce(0, +) } }
  var odd: Int { sums.withLock { $0.odd } }
  var allHave: Bool { sums.withLock { $0.counts.allSatisfy { $0 > 0 } } }
}

@Suite("lists of CPUs")
struct ProcessorListTests {
  @Test("numbers and ranges are read in order; anything else is refused")
  func lists() {
    #expect(Processors.numbers(in: "3") == [3])
    #expect(Processors.numbers(in: "4-6,0,2-2") == [4, 5, 6, 0, 2])
    for text in ["", ",", "1,", "-1", "1-", "3-2", "1-2-3", "a", "+1", "1 ", "99999", "0-99999"] {
      #expect(Processors.numbers(in: text) == nil, "\(text)")
    }
    #expect(Processors.numbers(in: (0..<9).map { _ in "0-999" }.joined(separator: ",")) == nil)
  }
}
