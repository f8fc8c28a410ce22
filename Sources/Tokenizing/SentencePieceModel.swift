/// What a `tokenizer.model` says: the pieces and the few settings that Llama-style tokenising
/// needs. Format: `sentencepiece_model.proto` of google/sentencepiece.

/// One entry of the vocabulary. Its id is its place in the list.
struct SentencePiece: Equatable, Sendable {
  /// `ModelProto.SentencePiece.Type`.
  enum Kind: UInt64, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// UTF-8, checked, never empty. Bytes and not a `String`, because Swift's strings compare by
  /// canonical equivalence, and a vocabulary may hold both "é" and "e" + U+0301.
  var bytes: [UInt8]
  /// The merge priority: of all neighbours that form a piece, the best score merges first.
  var score: Float
  var kind: Kind
}

/// A parsed and checked `tokenizer.model`. It has exactly one unknown piece, no piece twice, finite
/// scores, and with `hasByteFallback` all 256 byte pieces: what libsentencepiece takes for granted.
struct SentencePieceModel: Equatable, Sendable {
  var pieces: [SentencePiece]
  var hasByteFallback: Bool
  /// The id of the one piece of kind `unknown`.
  var unknown: Int32
  /// `trainer_spec.bos_id`, if it is a control piece.
  var beginningOfSequence: Int32?
  /// `trainer_spec.eos_id`, if it is a control piece.
  var endOfSequence: Int32?
}
