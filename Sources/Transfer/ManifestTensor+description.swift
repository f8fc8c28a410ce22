/// Tensors as they are stored, and as they are described on the wire.

internal import Checkpoints
internal import Compute
internal import Wire

extension ManifestTensor {
  init(_ tensor: TensorDescription, digest: [UInt8]) {
    var headRows = 0
    if case .interleavedHalves(let rows) = tensor.rowOrder { headRows = rows }
    self.init(
      name: tensor.name, format: tensor.format.rawValue,
      encoding: tensor.encoding.map { "\($0)" } ?? "", interleavedHeadRows: headRows,
      shape: tensor.shape, byteCount: tensor.byteCount, digest: digest)
  }

  /// Throws `.refused` for a format that is not known, or sizes that contradict each other.
  func description() throws(TransferError) -> TensorDescription {
    func refused(_ cause: String) -> TransferError {
      TransferError(
        .refused, "the coordinator describes tensor \(name) wrongly: \(cause)",
        remedy: "Run the same version of ChatSpot everywhere")
    }
    guard let format = WeightFormat(rawValue: format) else { throw refused("format \(format)") }
    let type = GGMLType.allCases.first { "\($0)" == encoding }
    guard encoding.isEmpty || type != nil else { throw refused("encoding \(encoding)") }
    let tensor = TensorDescription(
      name: name, format: format, encoding: type,
      rowOrder: interleavedHeadRows == 0
        ? .asCounted : .interleavedHalves(headRows: interleavedHeadRows),
      shape: shape, byteCount: byteCount)
    do throws(CheckpointError) {
      try tensor.validate()
    } catch {
      throw refused(error.message)
    }
    return tensor
  }
}
