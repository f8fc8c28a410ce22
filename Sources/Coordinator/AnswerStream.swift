/// The text of an answer as it grows, ended by the texts that the query names.

internal import Tokenizing
internal import Wire

/// Turns tokens into text. Text that could begin a stop text is held back until it is known that it
/// does not; everything from the first stop text on is dropped.
struct AnswerStream: Sendable {
  /// What may go to the client.
  struct Output: Sendable, Equatable {
    var text = ""
    var tokens: [AnswerToken] = []
    /// A stop text ended the answer.
    var isStopped = false
  }

  /// All text that was let out.
  private(set) var text = ""
  private var stream: TextStream
  private let stopTexts: [[UInt8]]
  /// UTF-8 of text that could begin a stop text.
  private var held: [UInt8] = []
  /// Tokens that wait for their text, and where that begins in the UTF-8 of the answer.
  private var waiting: [(start: Int, token: AnswerToken)] = []

  init(_ tokenizer: Tokenizer, stop: [String]) {
    stream = TextStream(tokenizer)
    stopTexts = stop.map { Array($0.utf8) }
  }

  /// Adds a token. Stop texts that begin before one that is heeded do not count. `token` is what the
  /// client wants to know of it, if anything.
  mutating func append(
    _ id: Int32, token: AnswerToken? = nil, heedsStop: Bool = true
  ) -> Output {
    if let token { waiting.append((text.utf8.count + held.count, token)) }
    return add(stream.append(id), heedsStop: heedsStop)
  }

  /// The last of the text.
  mutating func finish(heedsStop: Bool = true) -> Output {
    var output = add(stream.finish(), heedsStop: heedsStop)
    guard !output.isStopped else { return output }
    output.text += release(held.count)
    output.tokens += waiting.map(\.token)
    waiting = []
    return output
  }

  private mutating func add(_ more: String, heedsStop: Bool) -> Output {
    let more = more.withoutZeroBytes
    // The common case: nothing to look for, nothing to hold.
    if stopTexts.isEmpty || (!heedsStop && held.isEmpty) {
      text += more
      defer { waiting.removeAll(keepingCapacity: true) }
      return Output(text: more, tokens: waiting.map(\.token))
    }
    held += Array(more.utf8)
    guard heedsStop else { return output(release(held.count)) }
    if let stop = firstStop() {
      let end = text.utf8.count + stop
      let tokens = waiting.lazy.filter { $0.start < end }.map(\.token)
      let output = Output(text: release(stop), tokens: Array(tokens), isStopped: true)
      held = []
      waiting = []
      return output
    }
    return output(release(held.count - possibleBeginning()))
  }

  private mutating func output(_ text: String) -> Output {
    let end = self.text.utf8.count
    let ready =
      held.isEmpty ? waiting.count : waiting.firstIndex { $0.start >= end } ?? waiting.count
    defer { waiting.removeFirst(ready) }
    return Output(text: text, tokens: waiting[..<ready].map(\.token))
  }

  /// Lets out the first bytes of what is held: whole characters.
  private mutating func release(_ count: Int) -> String {
    let released = String(decoding: held[..<count], as: UTF8.self)
    held.removeFirst(count)
    text += released
    return released
  }

  /// Where in the held text the first stop text begins.
  private func firstStop() -> Int? {
    held.indices.first { start in stopTexts.contains { held[start...].starts(with: $0) } }
  }

  /// How many bytes at the end of the held text could begin a stop text.
  private func possibleBeginning() -> Int {
    let longest = stopTexts.reduce(0) { max($0, $1.count - 1) }
    let first = max(0, held.count - longest)
    let start = (first..<held.count).first { start in
      stopTexts.contains { $0.starts(with: held[start...]) }
    }
    return held.count - (start ?? held.count)
  }
}

extension String {
  /// A byte token can spell a zero byte, which no text on the wire may hold.
  fileprivate var withoutZeroBytes: String {
    guard utf8.contains(0) else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
  }
}
