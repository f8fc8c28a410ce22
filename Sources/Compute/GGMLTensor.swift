/// Weights as a GGUF file holds them, on their way to the form that the kernels read.

internal import CKernels

/// A tensor in one of GGML's encodings: `shape` row-major, its rows one after the other.
public struct GGMLTensor: Sendable {
  public let shape: [Int]
  public let type: GGMLType
  public let rowOrder: RowOrder
  private let memory: ReadOnlyMemory

  /// `memory` holds exactly the numbers of `shape`, whose rows are whole blocks.
  public init(
    shape: [Int], type: GGMLType, rowOrder: RowOrder = .asCounted, memory: ReadOnlyMemory
  ) {
    self.shape = shape
    self.type = type
    self.rowOrder = rowOrder
    self.memory = memory
    precondition(columns % type.blockElements == 0 && memory.count == rows * rowBytes)
  }

  private var rows: Int { shape.first ?? 1 }
  private var columns: Int { shape.dropFirst().reduce(1, *) }
  private var rowBytes: Int { columns / type.blockElements * type.blockBytes }

  /// The tensor in `format`, or where that is nil in the type's own: in place if the kernels read
  /// it as it stands, else in memory of its own, which is written in one pass.
  ///
  /// Blocks that keep their format keep every byte; others are brought to f32 and rounded from there.
  /// Throws `.outOfMemory`.
  public func stored(
    as format: WeightFormat? = nil, on team: ThreadTeam = .single
  ) throws(ComputeError) -> StoredTensor {
    let format = format ?? type.format
    let keepsNumbers = type.format == format
    if keepsNumbers, !format.isQuantized, rowOrder == .asCounted {
      return StoredTensor(shape: shape, format: format, memory: memory)
    }
    // Quantised rows are packed in panels; others are written one by one.
    let panelRows = format.isQuantized ? StoredTensor.panelRows : 1
    let panels = (rows + panelRows - 1) / panelRows
    let panelBytes = StoredTensor.byteCount(shape: [panelRows, columns], format: format)
    let memory = try ReadOnlyMemory(
      count: StoredTensor.byteCount(shape: shape, format: format)
    ) { target in
      guard let target = target.baseAddress else { return }
      team.share(
        panels, grain: format.isQuantized ? 1 : Matrix.rowGrain(columns),
        with: (self, format, keepsNumbers, panelBytes, target)
      ) { job, panels, _ in
        let (tensor, format, keepsNumbers, panelBytes, target) = job
        if keepsNumbers {
          tensor.copy(panels: panels, to: format, panelBytes: panelBytes, at: target)
        } else {
          tensor.round(panels: panels, to: format, panelBytes: panelBytes, at: target)
        }
      }
    }
    return StoredTensor(shape: shape, format: format, memory: memory)
  }

  /// The rows of `range` as they stand, at `target`, in the order in which the model counts them.
  private func gather(_ range: Range<Int>, at target: UnsafeMutableRawPointer) {
    for (index, row) in range.enumerated() {
      (target + index * rowBytes).copyMemory(
        from: memory.base + rowOrder.position(of: row) * rowBytes, byteCount: rowBytes)
    }
  }

  private func rowRange(ofPanel panel: Int, panelRows: Int) -> Range<Int> {
    panel * panelRows..<min((panel + 1) * panelRows, rows)
  }

  /// Copies or packs panels without changing a number.
  private func copy(
    panels: Range<Int>, to format: WeightFormat, panelBytes: Int, at target: UnsafeMutableRawPointer
  ) {
    guard let blockFormat = format.blockFormat else {
      gather(panels, at: target + panels.lowerBound * panelBytes)
      return
    }
    let panelRows = StoredTensor.panelRows
    withUnsafeTemporaryAllocation(byteCount: panelRows * rowBytes, alignment: 64) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      for panel in panels {
        let range = rowRange(ofPanel: panel, panelRows: panelRows)
        var blocks = memory.base + range.lowerBound * rowBytes
        if rowOrder != .asCounted {
          gather(range, at: scratch)
          blocks = UnsafeRawPointer(scratch)
        }
        ck_pack_blocks(blockFormat, blocks, columns, range.count, target + panel * panelBytes)
      }
    }
  }

  /// Brings panels to another format by way of f32, some rows at a time.
  private func round(
    panels: Range<Int>, to format: WeightFormat, panelBytes: Int, at target: UnsafeMutableRawPointer
  ) {
    let panelRows = format.isQuantized ? StoredTensor.panelRows : 1
    let blockBytes = panelRows * columns / format.blockElements * format.blockBytes
    withUnsafeTemporaryAllocation(of: Float.self, capacity: panelRows * columns) { values in
      withUnsafeTemporaryAllocation(byteCount: blockBytes, alignment: 64) { blocks in
        guard let values = values.baseAddress, let blocks = blocks.baseAddress else { return }
        for panel in panels {
          let range = rowRange(ofPanel: panel, panelRows: panelRows)
          for (index, row) in range.enumerated() {
            widen(row: rowOrder.position(of: row), into: values + index * columns)
          }
          let target = target + panel * panelBytes
          if let blockFormat = format.blockFormat {
            ck_quantize_blocks(blockFormat, values, range.count * columns, blocks)
            ck_pack_blocks(blockFormat, blocks, columns, range.count, target)
          } else {
            format.narrow(values, count: columns, into: target)
          }
        }
      }
    }
  }

  /// The row that stands at `position`, as f32.
  private func widen(row position: Int, into values: UnsafeMutablePointer<Float>) {
    let row = memory.base + position * rowBytes
    if let block = type.block {
      ck_ggml_widen(block, row, columns, values)
    } else {
      ck_widen(Instructions.best.kernel, type.format.kernel, row, columns, values)
    }
  }
}
