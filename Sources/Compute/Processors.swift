/// The CPUs that this process may use.

internal import CKernels

public enum Processors {
  /// Numbers of the CPUs that this process may run on, ascending; never empty.
  public static var available: [Int] {
    var numbers = [Int32](repeating: 0, count: Int(ck_processors(nil, 0)))
    let count = Int(ck_processors(&numbers, numbers.count))
    return count == 0 ? [0] : numbers.prefix(count).map(Int.init)
  }
}
