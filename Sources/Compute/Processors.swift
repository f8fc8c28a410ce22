/// The CPUs that this process may use.

internal import CKernels

public enum Processors {
  /// Numbers of the CPUs that this process may run on, ascending; never empty.
  public static var available: [Int] {
    var numbers = [Int32](repeating: 0, count: Int(ck_processors(nil, 0)))
    let count = Int(ck_processors(&numbers, numbers.count))
    return count == 0 ? [0] : numbers.prefix(count).map(Int.init)
  }

  /// Binds the calling thread, and what it starts from now on, to `processor`. Throws `.noThread`.
  static func bind(to processor: Int) throws(ComputeError) {
    guard let number = Int32(exactly: processor), ck_thread_bind(number) == 0 else {
      throw ComputeError(.noThread, "there is no CPU \(processor) for this process")
    }
  }
}
