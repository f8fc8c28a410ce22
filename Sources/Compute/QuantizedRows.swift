/// Activations in 8 bits, for products with quantised weights.

internal import CKernels

/// Rows of activations in blocks of 32 signed bytes with an f32 scale each: quantised once, then
/// multiplied with as many tensors as take them.
public struct QuantizedRows: Sendable {
  public private(set) var rows = 0
  public private(set) var columns = 0
  /// `[rows, columns / 32]`, at least.
  private(set) var blocks: [ck_row_block] = []

  /// No rows; `quantize` fills it, again and again on the same storage.
  public init() {}

  /// The rows of `input`, whose columns are a multiple of 32.
  public init(
    _ input: Matrix, on team: ThreadTeam = .single, using instructions: Instructions = .best
  ) {
    quantize(input, on: team, using: instructions)
  }

  /// Takes the rows of `input` instead, whose columns are a multiple of 32.
  public mutating func quantize(
    _ input: Matrix, on team: ThreadTeam = .single, using instructions: Instructions = .best
  ) {
    let width = Int(CK_BLOCK)
    precondition(input.columns % width == 0, "rows of \(input.columns) are not whole blocks")
    (rows, columns) = (input.rows, input.columns)
    let (columns, blocksPerRow) = (columns, columns / width)
    let count = rows * blocksPerRow
    if blocks.count < count {
      blocks.append(contentsOf: repeatElement(ck_row_block(), count: count - blocks.count))
    }
    blocks.withUnsafeMutableBufferPointer { blocks in
      input.values.withUnsafeBufferPointer { values in
        guard let values = values.baseAddress, let blocks = blocks.baseAddress else { return }
        team.share(
          input.rows, grain: Matrix.rowGrain(columns), with: (values, blocks, columns, instructions)
        ) { job, range, _ in
          let (values, blocks, columns, instructions) = job
          ck_quantize_rows(
            instructions.kernel, values + range.lowerBound * columns, range.count, columns,
            blocks + range.lowerBound * (columns / Int(CK_BLOCK)))
        }
      }
    }
  }
}
