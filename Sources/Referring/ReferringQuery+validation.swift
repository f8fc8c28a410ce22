/// What is checked of a referring query without looking at its pictures.
extension ReferringQuery {
  /// - Throws: ``ReferringError``: `turnOrder`, `emptyQuestion`, `badImageIndex` (an image shown
  ///   twice, shown by the assistant, or referred to before it is shown), `limit`.
  public func validate() throws(ReferringError) {
    try Self.limit("turns", turns.count, ReferringLimits.turnCountMax)
    try Self.limit(
      "bytes of system text", system?.utf8.count ?? 0, ReferringLimits.turnTextBytesMax)
    try Self.limit(
      "bytes of text", turns.reduce(0) { $0 + $1.text.utf8.count },
      ReferringLimits.queryTextBytesMax)
    try checkOrder()
    var shown: Set<Int> = []
    for (number, turn) in turns.enumerated() {
      do throws(ReferringError) {
        try turn.checkTexts()
        try turn.checkImages(shown: &shown)
      } catch {
        throw turns.count == 1 ? error : error.about("turn \(number + 1)")
      }
    }
  }

  private func checkOrder() throws(ReferringError) {
    guard !turns.isEmpty else {
      throw ReferringError(.emptyQuestion, "the query has no turns", remedy: "Ask a question")
    }
    for (number, turn) in turns.enumerated() {
      let expected: Turn.Role = number.isMultiple(of: 2) ? .user : .assistant
      guard turn.role == expected else {
        throw ReferringError(
          .turnOrder,
          "turn \(number + 1) is the \(turn.role.rawValue)'s, where the \(expected.rawValue)'s "
            + "must come", remedy: "Turns alternate, beginning and ending with the user")
      }
    }
    guard turns.last?.role == .user else {
      throw ReferringError(
        .turnOrder, "the last turn is the assistant's", remedy: "End with a question of the user")
    }
  }

  static func limit(_ what: String, _ count: Int, _ most: Int) throws(ReferringError) {
    guard count <= most else {
      throw ReferringError(.limit, "\(count) \(what) are too many: at most \(most) are allowed")
    }
  }
}

extension Turn {
  fileprivate func checkTexts() throws(ReferringError) {
    try ReferringQuery.limit("bytes of text", text.utf8.count, ReferringLimits.turnTextBytesMax)
    try ReferringQuery.limit("regions", regions.count, ReferringLimits.turnRegionCountMax)
    if role == .user, text.allSatisfy(\.isWhitespace) {
      throw ReferringError(.emptyQuestion, "the question is empty", remedy: "Ask a question")
    }
  }

  fileprivate func checkImages(shown: inout Set<Int>) throws(ReferringError) {
    if role == .assistant, !images.isEmpty {
      throw ReferringError(.badImageIndex, "the assistant cannot show an image")
    }
    for image in images {
      guard image >= 0, shown.insert(image).inserted else {
        throw ReferringError(
          .badImageIndex, image < 0 ? "there is no image \(image)" : "image \(image) is shown twice"
        )
      }
    }
    try ReferringQuery.limit("images", shown.count, ReferringLimits.imageCountMax)
    for region in regions where !shown.contains(region.image) {
      throw ReferringError(
        .badImageIndex, "the \(region.shape) is in image \(region.image), which is not shown yet",
        remedy: "Show the image in this turn or in an earlier one")
    }
  }
}
