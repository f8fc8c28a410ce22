/// The file of a packed checkpoint's weights: which tensor goes where in it, and its header.

import Compute
import Foundation

/// Tensors in the order of the file: quantised ones first, so that all begin where they must.
struct PackedWeightsFile {
  struct Entry {
    let name: String
    let shape: [Int]
    let format: WeightFormat
    /// Its bytes, counted from the header's end.
    let range: Range<Int>
  }

  let entries: [Entry]
  /// The file's first bytes, up to the first tensor.
  let header: Data

  /// Bytes of the whole file.
  var byteCount: Int { header.count + (entries.last?.range.upperBound ?? 0) }

  /// `tensors` in the formats that they are to have.
  init(_ tensors: [(name: String, shape: [Int], format: WeightFormat)]) {
    // Packed tensors are multiples of 64 bytes; numbers of 4 bytes come before those of 2.
    func order(_ format: WeightFormat) -> Int {
      format.isQuantized ? 0 : format == .f32 ? 1 : 2
    }
    var (entries, end) = ([Entry](), 0)
    for tensor in tensors.sorted(by: {
      (order($0.format), $0.name) < (order($1.format), $1.name)
    }) {
      let count = StoredTensor.byteCount(shape: tensor.shape, format: tensor.format)
      entries.append(
        Entry(
          name: tensor.name, shape: tensor.shape, format: tensor.format, range: end..<end + count))
      end += count
    }
    self.entries = entries
    var fields: [String: JSONValue] = [
      "__metadata__": .object([
        PackedCheckpoint.packingKey: .string(PackedCheckpoint.packing)
      ])
    ]
    for entry in entries {
      fields[entry.name] = .object([
        "dtype": .string(PackedCheckpoint.type(entry.format)),
        "shape": .array(entry.shape.map { .number(Double($0)) }),
        "data_offsets": .array(
          [entry.range.lowerBound, entry.range.upperBound].map { .number(Double($0)) }),
      ])
    }
    // Blanks at its end bring the data to where they must begin.
    var json = ConfigurationObject.encoded(fields, isPretty: false)
    while (8 + json.count) % PackedCheckpoint.alignment != 0 { json.append(UInt8(ascii: " ")) }
    header = Data((0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) }) + json
  }
}
