/// A token that a checkpoint adds to its vocabulary or cuts out of text before SentencePiece sees
/// it.

/// One added token with Hugging Face's flags (`tokenizers.AddedToken`).
struct AddedToken: Equatable, Sendable {
  var id: Int32
  /// UTF-8, never empty.
  var content: [UInt8]
  /// A control token: `decode` leaves it out.
  var isSpecial = false
  /// Matched in the text after normalisation (prefix and "▁" in place of spaces).
  var isNormalized = false
  /// Also swallows the white space on its left.
  var stripsLeft = false
  /// Also swallows the white space on its right.
  var stripsRight = false
  /// Matches only where it is no part of a longer word.
  var isSingleWord = false
}
