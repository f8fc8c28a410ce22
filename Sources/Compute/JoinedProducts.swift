/// Products of the same rows with several tensors as one job: no thread waits between them, which
/// shows where a step has few rows.

extension StoredTensor {
  /// `multiply` of this tensor and another with the same rows: `rounded` holds those of `input` in 8
  /// bits if either tensor is quantised. Results are the bits of single products.
  public func multiply(
    _ input: Matrix, rounded: QuantizedRows, into result: inout Matrix,
    and second: StoredTensor, into secondResult: inout Matrix, on team: ThreadTeam = .single,
    using instructions: Instructions = .best
  ) {
    result.reshape(rows: input.rows, columns: rows)
    secondResult.reshape(rows: input.rows, columns: second.rows)
    let grain = shareOfColumns(inputRows: input.rows, threads: team.threads)
    result.withUnsafeValues { output in
      secondResult.withUnsafeValues { secondOutput in
        withProduct(of: input, rounded: rounded, into: output.baseAddress, using: instructions) {
          product in
          second.withProduct(
            of: input, rounded: rounded, into: secondOutput.baseAddress, using: instructions
          ) {
            let job = JoinedProducts(product, columns: rows, $0, columns: second.rows)
            team.share(job.columns, grain: grain, with: job) { job, range, _ in
              job.multiply(range)
            }
          }
        }
      }
    }
  }
}

/// Two products side by side. Both begin at a panel.
private struct JoinedProducts {
  private let first: StoredProduct
  private let firstColumns: Int
  private let second: StoredProduct
  private let secondColumns: Int
  /// Where the second begins among the columns that are shared out.
  private let start: Int

  init(
    _ first: StoredProduct, columns firstColumns: Int, _ second: StoredProduct,
    columns secondColumns: Int
  ) {
    (self.first, self.firstColumns) = (first, firstColumns)
    (self.second, self.secondColumns) = (second, secondColumns)
    let panel = StoredTensor.panelRows
    start = (firstColumns + panel - 1) / panel * panel
  }

  var columns: Int { start + secondColumns }

  func multiply(_ range: Range<Int>) {
    if range.lowerBound < firstColumns {
      first.multiply(range.lowerBound..<min(range.upperBound, firstColumns))
    }
    if range.upperBound > start {
      second.multiply(max(range.lowerBound - start, 0)..<range.upperBound - start)
    }
  }
}
