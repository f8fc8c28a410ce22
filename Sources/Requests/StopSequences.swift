/// `stop`: a string, or a list of strings, that end an answer.

/// The strings before the first of which an answer ends.
package struct StopSequences: Decodable, Sendable, Equatable {
  package var strings: [String] = []

  package init() {}

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let path = FieldPath(decoder.codingPath)
    if let one = try? container.decode(String.self) {
      strings = [one]
    } else if let list = try? container.decode([String].self) {
      strings = list
    } else {
      throw path.error("must be a string or a list of strings", code: "wrong_type")
    }
    guard strings.count <= RequestLimits.stops else {
      throw path.error("holds \(strings.count) strings, more than \(RequestLimits.stops)")
    }
    for string in strings {
      guard (1...RequestLimits.stopBytes).contains(string.utf8.count), !string.utf8.contains(0)
      else {
        throw path.error(
          "holds a string of \(string.utf8.count) bytes; 1 to \(RequestLimits.stopBytes) bytes, "
            + "none of them zero, are allowed", code: "out_of_range")
      }
    }
  }
}
