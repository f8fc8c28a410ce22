/// Lists of CPUs as people write them.

extension Processors {
  /// The numbers in a list such as "0-3,8", in its order; nil if it is not one.
  public static func numbers(in list: String) -> [Int]? {
    var numbers: [Int] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(number)
      guard let first = ends[0], let last = ends[ends.count - 1], ends.count <= 2, first <= last,
        numbers.count + last - first < numbersMax
      else { return nil }
      numbers += first...last
    }
    return numbers
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text),
      number < numbersMax
    else { return nil }
    return number
  }

  /// CPU numbers, and how many of them a list may name.
  private static let numbersMax = 8192
}
