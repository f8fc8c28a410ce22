/// How many threads compute, and where.

import ArgumentParser
import Compute

/// Threads of a process that computes.
struct ThreadOptions: ParsableArguments {
  @Option(help: "Threads that compute. Default: one for every CPU that this process may use.")
  var threads: Int?

  @Option(
    help: "CPUs that the threads are bound to, such as 0-3 or 0,2,4. Default: the system's choice.",
    transform: processorList)
  var cpus: [Int] = []

  func validate() throws { try checkThreads(threads) }

  /// Starts the threads; in tools they are called `name-1` and so on.
  func team(_ name: String) throws -> ThreadTeam {
    let standard = cpus.isEmpty ? Processors.available.count : cpus.count
    return try ThreadTeam(
      threads: threads ?? min(standard, ThreadTeam.threadsMax), processors: cpus, name: name)
  }

  private static func processorList(_ text: String) throws -> [Int] {
    guard let numbers = Processors.numbers(in: text) else {
      throw ValidationError("--cpus takes numbers and ranges, such as 0-3,8; not \"\(text)\".")
    }
    return numbers
  }
}

/// Threads of a cluster on this machine.
struct SharedThreadOptions: ParsableArguments {
  @Option(
    help: """
      Threads that compute: decoder workers share them out, the vision node, which works while they \
      wait, has as many. Default: one for every CPU that this process may use.
      """)
  var threads: Int?

  func validate() throws { try checkThreads(threads) }

  var count: Int { threads ?? min(Processors.available.count, ThreadTeam.threadsMax) }
}

private func checkThreads(_ threads: Int?) throws {
  let allowed = 1...ThreadTeam.threadsMax
  if let threads, !allowed.contains(threads) {
    throw ValidationError("--threads takes 1 to \(allowed.upperBound).")
  }
}
