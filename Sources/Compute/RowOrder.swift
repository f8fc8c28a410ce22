/// In which order a file holds the rows of a matrix.

/// Where a row stands that the model counts as its row n.
public enum RowOrder: Sendable, Equatable {
  /// Row n is the n-th.
  case asCounted
  /// The two halves of each head's rows lie interleaved, as llama.cpp's converter puts the query
  /// and key matrices of Llama: its rotary embedding turns neighbours, Hugging Face's the halves.
  case interleavedHalves(headRows: Int)

  /// Where the file holds row `row`.
  func position(of row: Int) -> Int {
    switch self {
    case .asCounted: return row
    case .interleavedHalves(let headRows):
      let (head, within) = (row / headRows, row % headRows)
      let half = headRows / 2
      return head * headRows + within % half * 2 + within / half
    }
  }
}
