/// Text that grows with every token, for answers that are streamed.

/// Turns ids into text one by one. All that `append` and `finish` return, joined, is exactly
/// `Tokenizer.decode` of all the ids.
///
/// Byte tokens are held back until the next token that is none: whether a run of them is text or
/// U+FFFDs is known only at its end. Of byte-level tokens the bytes of a character that is not yet
/// whole are held back.
public struct TextStream: Sendable {
  private let tokenizer: Tokenizer
  private var heldBytes: [UInt8] = []
  private var isAtStart = true

  public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that `id` completes: whole characters, often none.
  public mutating func append(_ id: Int32) -> String {
    guard !tokenizer.isControl(id),
      let token = tokenizer.added.decoded(id) ?? tokenizer.vocabulary[id]?.bytes
    else { return "" }
    if tokenizer.rules.isByteLevel {
      heldBytes += token
      return releasedCharacters()
    }
    if let byte = ByteToken.read(token) {
      heldBytes.append(byte)
      return ""
    }
    let text = String(decoding: token, as: UTF8.self)
    return stripped(releasedBytes() + text.unicodeScalars.spaced())
  }

  /// What is still held back, at the end. The stream then stands at the start of a new text.
  public mutating func finish() -> String {
    if tokenizer.rules.isByteLevel {
      defer { heldBytes.removeAll() }
      return String(decoding: heldBytes, as: UTF8.self)
    }
    let text = stripped(releasedBytes())
    isAtStart = true
    return text
  }

  /// What is held back up to the last character that is whole, or can no longer become so.
  private mutating func releasedCharacters() -> String {
    let rest = UTF8Tail.length(heldBytes)
    defer { heldBytes.removeFirst(heldBytes.count - rest) }
    return String(decoding: heldBytes.dropLast(rest), as: UTF8.self)
  }

  private mutating func releasedBytes() -> String {
    defer { heldBytes.removeAll(keepingCapacity: true) }
    return String(validating: heldBytes, as: UTF8.self)
      ?? String(repeating: "\u{FFFD}", count: heldBytes.count)
  }

  /// `text` without the one leading space of the whole.
  private mutating func stripped(_ text: String) -> String {
    guard isAtStart, !text.isEmpty else { return text }
    isAtStart = false
    // Scalars, since a space and a combining mark are one Character.
    guard tokenizer.rules.stripsLeadingSpace, text.unicodeScalars.first == " " else { return text }
    return String(text.unicodeScalars.dropFirst())
  }
}

extension String.UnicodeScalarView {
  /// The text with a space for every "▁".
  func spaced() -> String {
    var output = String.UnicodeScalarView()
    output.append(contentsOf: lazy.map { $0 == "\u{2581}" ? " " : $0 })
    return String(output)
  }
}
