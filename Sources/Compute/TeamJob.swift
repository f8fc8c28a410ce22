/// What a thread team works on.

/// A job whose context is of any type, called through its type so that nothing has to be boxed.
protocol AnyTeamJob {
  /// Calls the job that lies at `pointer`, which is of this type.
  static func call(_ pointer: UnsafeRawPointer, _ range: Range<Int>, _ thread: Int)
}

struct TeamJob<Context>: AnyTeamJob {
  let context: Context
  let body: (Context, Range<Int>, Int) -> Void

  static func call(_ pointer: UnsafeRawPointer, _ range: Range<Int>, _ thread: Int) {
    let job = pointer.assumingMemoryBound(to: Self.self)
    job.pointee.body(job.pointee.context, range, thread)
  }
}
