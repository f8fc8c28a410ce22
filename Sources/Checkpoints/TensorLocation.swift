/// Where a tensor's numbers stand in a file.

import Compute

struct TensorLocation: Sendable, Equatable {
  let path: String
  /// The format in which the kernels get it, where nobody asks for another.
  let format: WeightFormat
  let shape: [Int]
  /// Offset of the first byte in the file.
  let offset: Int
  let byteCount: Int
  /// How the file encodes it, where the kernels cannot read it as it stands.
  var encoding: GGMLType?
  /// The order of its rows in the file.
  var rowOrder = RowOrder.asCounted

  /// How the file encodes it, for people.
  var encodingName: String { encoding.map { "\($0)" } ?? format.rawValue }

  /// Bytes that it takes in the format in which the kernels get it.
  var loadedByteCount: Int {
    encoding == nil ? byteCount : StoredTensor.byteCount(shape: shape, format: format)
  }

  /// Bytes of memory of its own that it takes when it is loaded: none where it is mapped.
  var ownByteCount: Int { encoding == nil ? 0 : loadedByteCount }

  /// The same in another order of rows.
  func ordered(_ rowOrder: RowOrder) -> TensorLocation {
    var result = self
    result.rowOrder = rowOrder
    result.encoding = encoding ?? GGMLType(format)
    return result
  }

  /// The file's bytes. Throws `.malformed` if the file has shrunk since.
  func mapped() throws(CheckpointError) -> ReadOnlyMemory {
    do {
      return try ReadOnlyMemory(mapping: path, offset: offset, count: byteCount)
    } catch {
      throw CheckpointError(.malformed, error.message, remedy: error.remedy)
    }
  }

  /// The tensor in `format`, or where that is nil in its own; `team` converts it if need be.
  /// Throws `.malformed` if the file has shrunk since, `.outOfMemory`.
  func load(
    as format: WeightFormat?, on team: ThreadTeam
  ) throws(CheckpointError) -> StoredTensor {
    let memory = try mapped()
    do throws(ComputeError) {
      guard let encoding else {
        let tensor = StoredTensor(shape: shape, format: self.format, memory: memory)
        return try tensor.converted(to: format ?? self.format, on: team)
      }
      return try GGMLTensor(shape: shape, type: encoding, rowOrder: rowOrder, memory: memory)
        .stored(as: format, on: team)
    } catch {
      throw CheckpointError(.outOfMemory, error.message, remedy: error.remedy)
    }
  }
}

extension GGMLType {
  fileprivate init?(_ format: WeightFormat) {
    switch format {
    case .f32: self = .f32
    case .f16: self = .f16
    case .bf16: self = .bf16
    case .q8_0, .q4_0, .q4_K, .q5_K, .q6_K: return nil
    }
  }
}
