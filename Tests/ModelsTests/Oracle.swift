/// Goldens that Hugging Face transformers computed, and checkpoints that they were computed from.

import Compute
import Foundation
import Testing

@testable import Checkpoints

/// A checkpoint with the tensors that transformers computed from it.
struct Oracle {
  let checkpoint: Checkpoint
  let goldens: [String: TensorLocation]
  let texts: [String: JSONValue]

  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures")
  static let embeddedModel = fixtures.deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources/chatspot/Resources/mini-chatspot")
  static let names = [
    "tiny-linear", "tiny-mlp-gqa", "tiny-llama3-tied", "tiny-linear-rope", "tiny-conv",
  ]

  init(_ name: String) throws {
    let directory = Self.fixtures.appending(path: name)
    checkpoint = try Checkpoint(directory: directory)
    goldens = try SafetensorsHeader(reading: directory.appending(path: "goldens.safetensors"))
      .tensors
    texts = try ConfigurationObject(reading: directory.appending(path: "goldens.json")).fields
  }

  /// A golden `[1, rows, columns]` or `[rows, columns]` as a matrix.
  func matrix(_ name: String) throws -> Matrix {
    let tensor = try tensor(name)
    let shape = tensor.shape
    return Matrix(
      rows: shape[shape.count - 2], columns: shape[shape.count - 1], values: tensor.widened())
  }

  func tensor(_ name: String) throws -> StoredTensor {
    let location = try #require(goldens[name])
    return StoredTensor(
      shape: location.shape, format: location.format,
      memory: try ReadOnlyMemory(
        mapping: location.path, offset: location.offset, count: location.byteCount))
  }

  var layers: Int { checkpoint.configuration.text.layers }
}

extension JSONValue {
  var tokens: [Int32] {
    guard case .array(let values) = self else { return [] }
    return values.compactMap { if case .number(let value) = $0 { Int32(value) } else { nil } }
  }

  var floats: [Float] {
    guard case .array(let values) = self else { return [] }
    return values.compactMap { if case .number(let value) = $0 { Float(value) } else { nil } }
  }

  subscript(_ name: String) -> JSONValue? {
    if case .object(let fields) = self { fields[name] } else { nil }
  }

  var text: String? { if case .string(let value) = self { value } else { nil } }
}

/// The largest difference over the largest magnitude of the expected numbers.
func relativeDifference(_ actual: Matrix, _ expected: Matrix) -> Float {
  guard actual.rows == expected.rows, actual.columns == expected.columns else { return .infinity }
  let scale = expected.values.reduce(0) { max($0, abs($1)) }
  return largestDifference(actual.values, expected.values) / scale
}

func largestDifference(_ actual: [Float], _ expected: [Float]) -> Float {
  guard actual.count == expected.count else { return .infinity }
  return zip(actual, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
