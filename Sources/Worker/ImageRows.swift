/// An image at stage 0: its features, and as much of them projected as steps have asked for.

internal import Compute
internal import Models

/// Projects an image's features along with the steps that take them, so that the work is part of
/// steps of bounded length: a whole image at once would keep all decodes waiting behind it.
///
/// Rows are projected in groups that lie always the same, so that it makes no difference which step
/// asks for them (OpenBLAS sums differently for other numbers of rows). An instance belongs to the
/// thread that computes.
final class ImageRows {
  private let projector: Projector
  /// `[featureRows, featureWidth]`; empty once all is projected.
  private var features: Matrix
  /// `[rows, hidden]`
  private(set) var projected: Matrix
  /// Groups that are projected.
  private var done: Set<Int> = []

  private static let groupRows = 32

  init(_ features: Matrix, projector: Projector, hidden: Int) {
    self.projector = projector
    self.features = features
    projected = Matrix(rows: projector.rows, columns: hidden)
  }

  /// Token positions that the image takes.
  var count: Int { projected.rows }

  /// Sees to it that the rows `range` of `projected` are there.
  func prepare(_ range: Range<Int>, on team: ThreadTeam) {
    let groups = (count - 1) / Self.groupRows + 1
    let needed = range.lowerBound / Self.groupRows...(range.upperBound - 1) / Self.groupRows
    for group in needed where done.insert(group).inserted {
      let first = group * Self.groupRows
      let rows = projector(
        features, rows: first..<min(first + Self.groupRows, count), on: team)
      for row in 0..<rows.rows { projected.copyRow(row, of: rows, to: first + row) }
    }
    if done.count == groups { features = Matrix() }
  }
}
