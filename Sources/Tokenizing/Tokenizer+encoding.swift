/// Text to token ids.

extension Tokenizer {
  /// The ids of plain text. What looks like a control or an added token in it stays text: the
  /// result holds pieces, bytes and `unknown` only, so that a user's `</s>` or `<image>` cannot
  /// steer a prompt.
  ///
  /// One call encodes one segment: all the text between two special tokens, or between one and an
  /// end of the prompt. `atStart` says that it is the very start of the prompt (a
  /// beginning-of-sequence id before it doesn't count); there the text gets a "▁" before it unless
  /// it starts with a space. Checkpoints with `prefixesEverySegment` prefix each segment whatever
  /// `atStart` says.
  ///
  /// Nothing is normalised or squeezed; empty text has no ids. Any length is accepted.
  public func encode(_ text: String, atStart: Bool) -> [Int32] {
    encodeNormalized(rules.normalized(text.utf8, isFirst: atStart)[...])
  }

  /// The ids of trusted text in which added tokens are written out, as Hugging Face's
  /// `tokenizer(text, add_special_tokens=addBeginning)` gives them for a Llama checkpoint: added
  /// tokens become their ids (leftmost, longest, with their strip and single-word flags), the text
  /// between them is encoded segment by segment.
  ///
  /// Never give it text of a user.
  public func encodeAsHuggingFace(_ text: String, addBeginning: Bool) -> [Int32] {
    var ids: [Int32] = []
    if addBeginning, let beginningOfSequence { ids.append(beginningOfSequence) }
    for part in added.split(Array(text.utf8), rules: rules) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let segment): ids += encodeNormalized(segment)
      }
    }
    return ids
  }

  /// Encodes text in the form that the rules give it, in runs that the algorithm can take.
  private func encodeNormalized(_ text: ArraySlice<UInt8>) -> [Int32] {
    guard !text.isEmpty else { return [] }
    var runs = [text]
    if rules.splitsAtSpaces { runs = runs.flatMap { SegmentCutter.words($0) } }
    if text.count > processor.bytesMax {
      let cutter = SegmentCutter(vocabulary.model)
      runs = runs.flatMap { cutter.runs($0, bytesMax: processor.bytesMax) }
    }
    if runs.count == 1 { return processor.encode(runs[0]) ?? spelledOut(runs[0]) }
    return runs.flatMap { processor.encode($0) ?? spelledOut($0) }
  }

  /// Text one character at a time without any merge: longer than need be, with the same meaning.
  /// What is left if the library fails.
  func spelledOut(_ text: ArraySlice<UInt8>) -> [Int32] {
    String(decoding: text, as: UTF8.self).unicodeScalars.flatMap { scalar -> [Int32] in
      let bytes = Array(String(scalar).utf8)
      if let id = vocabulary.id(of: bytes), vocabulary[id]?.kind == .normal, !isAdded(id) {
        return [id]
      }
      guard vocabulary.model.hasByteFallback else { return [unknown] }
      return bytes.map { byte in
        let digits = String(byte, radix: 16, uppercase: true)
        let token = "<0x" + (digits.count < 2 ? "0" : "") + digits + ">"
        return vocabulary.id(of: Array(token.utf8)) ?? unknown
      }
    }
  }
}
