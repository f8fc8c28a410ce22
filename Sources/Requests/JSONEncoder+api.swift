/// How all JSON of the API is written.

package import Foundation

extension JSONEncoder {
  /// The same value gives the same bytes.
  package static let api: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()
}
