/// From numbers and from GGML's blocks to the packed form of quantised weights, and back.

internal import CKernels

extension StoredTensor {
  /// The tensor quantised as GGML's reference does it; its rows are multiples of 32 numbers.
  /// Where the tensor is quantised itself, its rounded numbers are quantised once more.
  ///
  /// Throws `.outOfMemory`.
  public func quantized(
    to format: WeightFormat, on team: ThreadTeam = .single
  ) throws(ComputeError) -> StoredTensor {
    precondition(WeightFormat.targets.contains(format), "nothing is brought to \(format)")
    if format == self.format { return self }
    let count = Self.byteCount(shape: shape, format: format)
    let panels = (rows + Self.panelRows - 1) / Self.panelRows
    let memory = try ReadOnlyMemory(count: count) { target in
      guard let target = target.baseAddress else { return }
      team.share(panels, with: (self, format, target)) { job, panels, _ in
        let (tensor, format, target) = job
        tensor.quantize(panels: panels, to: format, at: target)
      }
    }
    return StoredTensor(shape: shape, format: format, memory: memory)
  }

  /// A tensor from GGML's blocks, row after row, as GGUF files hold them. Rows are whole blocks and
  /// `memory` holds exactly these.
  ///
  /// Throws `.outOfMemory`.
  public init(
    shape: [Int], format: WeightFormat, blocks memory: ReadOnlyMemory
  ) throws(ComputeError) {
    guard let blockFormat = format.blockFormat else {
      preconditionFailure("\(format) has no blocks")
    }
    let (rows, columns) = (shape.first ?? 1, shape.dropFirst().reduce(1, *))
    let count = Self.byteCount(shape: shape, format: format)
    precondition(memory.count == rows * (columns / format.blockElements) * format.blockBytes)
    let packed = try ReadOnlyMemory(count: count) { target in
      guard let target = target.baseAddress else { return }
      ck_pack_blocks(blockFormat, memory.base, columns, rows, target)
    }
    self.init(shape: shape, format: format, memory: packed)
  }

  /// GGML's blocks of a quantised tensor, row after row.
  public func blocks() -> [UInt8] {
    guard let blockFormat = format.blockFormat else {
      preconditionFailure("\(format) has no blocks")
    }
    let rowBytes = columns / format.blockElements * format.blockBytes
    return [UInt8](unsafeUninitializedCapacity: rows * rowBytes) { buffer, count in
      if let target = buffer.baseAddress {
        for row in 0..<rows {
          ck_unpack_blocks(blockFormat, memory.base, columns, row, target + row * rowBytes)
        }
      }
      count = rows * rowBytes
    }
  }

  /// Rows that lie interleaved in the packed form: work on a quantised tensor is shared out in
  /// multiples of these.
  static let panelRows = Int(CK_PANEL)

  /// Quantises and packs some panels of the tensor; `target` is where its first panel lies. Panels
  /// are independent of each other.
  func quantize(panels: Range<Int>, to format: WeightFormat, at target: UnsafeMutableRawPointer) {
    guard let blockFormat = format.blockFormat else {
      preconditionFailure("\(format) is not quantised")
    }
    let (panelRows, columns) = (Self.panelRows, columns)
    let panelBytes = ck_packed_bytes(blockFormat, columns, panelRows)
    let blockBytes = panelRows * (columns / format.blockElements) * format.blockBytes
    withUnsafeTemporaryAllocation(of: Float.self, capacity: panelRows * columns) { values in
      withUnsafeTemporaryAllocation(byteCount: blockBytes, alignment: 2) { blocks in
        guard let values = values.baseAddress, let blocks = blocks.baseAddress else { return }
        for panel in panels {
          let range = panel * panelRows..<min((panel + 1) * panelRows, rows)
          widen(range, into: values)
          ck_quantize_blocks(blockFormat, values, range.count * columns, blocks)
          ck_pack_blocks(
            blockFormat, blocks, columns, range.count, target + panel * panelBytes)
        }
      }
    }
  }
}
