/// Images at stage 0, projected as steps ask for them.

import Checkpoints
import Compute
import Foundation
import Models
import Testing

@testable import Worker

@Suite("an image's rows at stage 0")
struct ImageRowsTests {
  @Test(
    "whichever steps ask for them, in whatever parts, are those of the whole image projected at once",
    arguments: ["mini-chatspot", "tiny-conv", "tiny-mlp-gqa"])
  func rows(model: String) throws {
    let directory =
      model == "mini-chatspot"
      ? GoldenAnswerTests.model : GoldenAnswerTests.tests.appending(path: "Fixtures/\(model)")
    let checkpoint = try Checkpoint(directory: directory)
    let configuration = checkpoint.configuration
    let projector = try Projector(
      loading: checkpoint.weights("multi_modal_projector"), configuration: configuration)
    let (rows, width) = (configuration.featureRows, configuration.featureWidth)
    let features = Matrix(
      rows: rows, columns: width, values: (0..<rows * width).map { Float($0 * 7919 % 101) / 50 - 1 }
    )
    let whole = projector(features)
    var first = 0
    let image = ImageRows(features, projector: projector, hidden: configuration.text.hidden)
    #expect(image.count == whole.rows)
    for part in [3, 1, 40, 100] where first < image.count {
      // The last row of the part before is asked for once more.
      let range = max(0, first - 1)..<min(first + part, image.count)
      image.prepare(range, on: .single)
      for row in range { #expect(image.projected[row: row] == whole[row: row], "row \(row)") }
      first = range.upperBound
    }
    #expect(first == image.count)
  }
}
