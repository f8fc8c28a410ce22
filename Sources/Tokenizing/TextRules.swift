/// How a checkpoint turns text into what SentencePiece sees: the "dummy prefix" and its kin.
///
/// Llama tokenisers differ in where they put a "▁" (a space) before text:
///
/// | rule | as | a "▁" goes before |
/// | --- | --- | --- |
/// | `everySegment` | legacy Llama: `Prepend` normaliser | each segment between added tokens, always |
/// | `everySegmentUnlessSpaced` | `Metaspace`, `always` | each segment that does not start with one |
/// | `firstSegment` | `legacy: false`: `Metaspace`, `first` | the prompt's start, if it has none |
/// | `never` | `Metaspace`, `never`; `add_prefix_space: false` | nothing |
///
/// `tokenizer.json` decides if the checkpoint has one. Without it `tokenizer_config.json` does:
/// `legacy` (absent means true, as in transformers 4, which these checkpoints were made with;
/// transformers 5 takes absent for false) and `add_prefix_space` (absent or null means true).
struct TextRules: Equatable, Sendable {
  enum Prefix: Equatable, Sendable {
    case everySegment
    case everySegmentUnlessSpaced
    case firstSegment
    case never
  }

  var prefix: Prefix
  /// Spaces and prefix are a normaliser's work, done before normalised added tokens are looked for.
  var isNormalizer: Bool
  /// Merges never cross a space: `Metaspace` with `split`.
  var splitsAtSpaces = false
  /// Decoding drops one leading space.
  var stripsLeadingSpace: Bool
  /// Text is seen as its bytes, spaces as spaces, as byte-level tokenisers take it.
  var isByteLevel = false

  /// Those of byte-level tokenisers: text stays as it is.
  static let byteLevel = TextRules(
    prefix: .never, isNormalizer: false, stripsLeadingSpace: false, isByteLevel: true)

  /// "▁", U+2581, as UTF-8.
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// The text with "▁" for every space, and the prefix if this segment gets one; as it is for a
  /// byte-level tokeniser.
  /// `isFirst`: the segment is the very start of the prompt.
  func normalized(_ text: some Sequence<UInt8>, isFirst: Bool) -> [UInt8] {
    if isByteLevel { return Array(text) }
    var output: [UInt8] = []
    for byte in text {
      if byte == UInt8(ascii: " ") { output += Self.space } else { output.append(byte) }
    }
    guard !output.isEmpty else { return [] }
    let startsWithSpace = output.starts(with: Self.space)
    let isPrefixed =
      switch prefix {
      case .everySegment: true
      case .everySegmentUnlessSpaced: !startsWithSpace
      case .firstSegment: isFirst && !startsWithSpace
      case .never: false
      }
    return isPrefixed ? Self.space + output : output
  }
}
