/// The limits of this module: every size and count that a file or a text can drive.
enum TokenizingLimits {
  /// Largest `tokenizer.model` (Llama 0.5 MB, Gemma 4.2 MB).
  static let modelBytesMax = 32 << 20
  /// Largest JSON file (a Llama `tokenizer.json` is 1.8 to 3.6 MB).
  static let jsonBytesMax = 64 << 20
  static let piecesMax = 1 << 20
  static let mergesMax = 1 << 22
  static let pieceBytesMax = 1024
  static let addedTokensMax = 1 << 16
  static let tokenIDMax: Int32 = (1 << 24) - 1
  /// Most text given to the library at once: it keeps several records for each byte.
  static let encodedBytesMax = 256 << 10
}
