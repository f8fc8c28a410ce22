/// A model's pieces with the way back from a piece to its id.
struct PieceIndex: Sendable {
  let model: SentencePieceModel
  private let ids: [[UInt8]: Int32]

  init(_ model: SentencePieceModel) {
    self.model = model
    ids = Dictionary(
      model.pieces.enumerated().map { ($1.bytes, Int32($0)) },
      uniquingKeysWith: { first, _ in first })
  }

  func id(of bytes: [UInt8]) -> Int32? { ids[bytes] }

  subscript(id: Int32) -> SentencePiece? {
    model.pieces.indices.contains(Int(id)) ? model.pieces[Int(id)] : nil
  }
}
