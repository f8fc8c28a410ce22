/// The owner of one libsentencepiece processor.
internal import CSentencePiece

/// Encodes normalised text by byte-pair merges.
///
/// `@unchecked Sendable`: the pointer is set once in `init` and freed in `deinit`; between them
/// only `Encode` is called on it, a `const` member function of the C++ class that keeps no state
/// between calls and is documented as safe to call from several threads.
final class SentencePieceProcessor: SegmentEncoder, @unchecked Sendable {
  private let handle: OpaquePointer

  /// Opens a serialized model. `name` stands in messages.
  /// - Throws: `malformedModel` with the library's own words.
  init(serializedModel: [UInt8], name: String) throws(TokenizingError) {
    var message = [CChar](repeating: 0, count: 512)
    let opened = chatspot_sentencepiece_open(
      serializedModel, serializedModel.count, &message, message.count)
    guard let opened else {
      let cause = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw TokenizingError(
        .malformedModel,
        "libsentencepiece refuses \(name): \(String(decoding: cause, as: UTF8.self))",
        remedy: "Copy tokenizer.model again from where the checkpoint came from.")
    }
    handle = opened
  }

  /// The library keeps several records for each byte.
  var bytesMax: Int { TokenizingLimits.encodedBytesMax }

  deinit { chatspot_sentencepiece_close(handle) }

  /// The ids of UTF-8 text that is already normalised (spaces written as "▁"), or nil if the
  /// library fails, which a checked model and valid UTF-8 leave to lack of memory.
  func encode(_ text: ArraySlice<UInt8>) -> [Int32]? {
    // Every id stands for at least one byte of normalised text, so the ids fit.
    var failed = false
    let ids = [Int32](unsafeUninitializedCapacity: text.count) { buffer, count in
      let written = text.withUnsafeBufferPointer { bytes in
        chatspot_sentencepiece_encode(
          handle, bytes.baseAddress, bytes.count, buffer.baseAddress, buffer.count)
      }
      failed = written < 0
      count = max(0, Int(written))
    }
    return failed ? nil : ids
  }
}
