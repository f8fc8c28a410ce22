/// Token ids to text.

extension Tokenizer {
  /// The text of ids, as Hugging Face's `decode(ids, skip_special_tokens=True)` gives it for a
  /// Llama checkpoint, with `clean_up_tokenization_spaces` off.
  ///
  /// Control tokens and ids that have no token are left out. "▁" becomes a space, and one leading
  /// space is dropped (checkpoints without a prefix keep it). A run of byte tokens that is valid
  /// UTF-8 becomes its characters; one that isn't becomes a U+FFFD for each of its bytes.
  public func decode(_ ids: [Int32]) -> String {
    var stream = TextStream(self)
    var text = ""
    for id in ids { text += stream.append(id) }
    return text + stream.finish()
  }

  /// The bytes that a token alone spells: UTF-8, or part of a character; none for a control token or
  /// an id that has no token. Unlike in `decode`, a leading space stays.
  public func spelling(of id: Int32) -> [UInt8] {
    guard !isControl(id), let token = added.decoded(id) ?? vocabulary[id]?.bytes else { return [] }
    if rules.isByteLevel { return token }
    if let byte = ByteToken.read(token) { return [byte] }
    return Array(String(decoding: token, as: UTF8.self).unicodeScalars.spaced().utf8)
  }
}
