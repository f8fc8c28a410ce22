/// What all chunks of an answer begin with.

internal import Foundation

/// The identity of one response.
struct AnswerHead: Codable, Sendable, Equatable {
  let id: String
  /// Seconds since 1970.
  let created: Int
  let model: String

  /// - Parameter prefix: "chatcmpl" or "cmpl".
  init(prefix: String, model: String) {
    var random = SystemRandomNumberGenerator()
    let digits = (0..<2).map { _ in
      let text = String(random.next(), radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    id = "\(prefix)-\(digits.joined())"
    created = Int(Date().timeIntervalSince1970)
    self.model = model
  }
}
