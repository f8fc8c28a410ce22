import Testing
import Wire

@Suite("A step is held against the model and the plan")
struct BoundsTests {
  static let first = StepBounds(
    hidden: 3, vocabulary: 100, blockCount: 8, blockTokens: 4, contextMax: 32, stepTokensMax: 6,
    isFirstStage: true)
  static let span = WireSpan(
    sequence: 1, firstPosition: 6, tokenCount: 2, tokenIDs: [99, 0], kvBlocks: [7, 0])
  static let step = Step(epoch: 1, number: 1, spans: [span])

  static var later: StepBounds {
    var bounds = first
    bounds.isFirstStage = false
    return bounds
  }

  private func cause(_ bounds: StepBounds, _ change: (inout Step) -> Void) -> String? {
    var step = Self.step
    change(&step)
    do throws(WireFault) {
      try check(step, against: bounds)
      return nil
    } catch {
      return error.message
    }
  }

  @Test("a step at the edge of every bound is let in")
  func edges() {
    #expect(cause(Self.first) { _ in } == nil)
    #expect(
      cause(Self.first) {
        $0.spans[0].firstPosition = 30
        $0.spans[0].kvBlocks = [0, 1, 2, 3, 4, 5, 6, 7]
      } == nil)
    #expect(
      cause(Self.later) {
        $0.spans[0].tokenIDs = []
        $0.activations = WireTensor(type: .f16, shape: [2, 3], data: [])
      } == nil)
  }

  @Test("token ids, blocks, positions, shapes and sizes beyond the bounds are refused")
  func beyond() {
    #expect(
      cause(Self.first) { $0.spans[0].tokenIDs[1] = 100 } == "Span.token_ids holds token 100 of 100"
    )
    #expect(
      cause(Self.first) { $0.spans[0].kvBlocks[1] = 8 } == "Span.kv_blocks holds block 8 of 8")
    #expect(
      cause(Self.first) { $0.spans[0].firstPosition = 7 }
        == "Span.kv_blocks holds 2 blocks where 9 positions take 3")
    #expect(
      cause(Self.first) { $0.spans[0].firstPosition = 31 }
        == "Span.first_position is 31, so that 2 tokens reach past 32")
    #expect(
      cause(Self.first) { $0.spans[0].tokenCount = 7 }
        == "Step.spans is 7, more than the limit of 6")
    #expect(
      cause(Self.first) { $0.activations = WireTensor(type: .f32, shape: [2, 3], data: []) }
        == "Step.activations is given to the first stage")
    #expect(
      cause(Self.later) { _ in } == "Step.activations has the shape [], not [2, 3]")
    #expect(
      cause(Self.later) { $0.activations = WireTensor(type: .f32, shape: [2, 4], data: []) }
        == "Step.activations has the shape [2, 4], not [2, 3]")
  }

  @Test("image features must have the encoder's width and no more rows than patches")
  func features() throws {
    let bounds = FeatureBounds(width: 4, rowsMax: 9)
    func features(_ shape: [Int]) -> ImageFeatures {
      ImageFeatures(
        epoch: 1, image: 1, features: WireTensor(type: .f16, shape: shape, data: []))
    }
    try check(features([9, 4]), against: bounds)
    for shape in [[10, 4], [9, 5], [0, 4], [36], [3, 3, 4]] {
      #expect(throws: WireFault.self) { try check(features(shape), against: bounds) }
    }
  }
}
