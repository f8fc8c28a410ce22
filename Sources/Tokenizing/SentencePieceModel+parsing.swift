/// From the bytes of `tokenizer.model` to a checked model.
///
/// libsentencepiece trusts its input in places: it follows a precompiled character map without
/// bounds (random bytes in one end the process with a segmentation fault, 0.1.97). So nothing
/// reaches it that has not passed here, and it is given only what `serialized(hiding:)` writes.

extension SentencePieceModel {
  /// Parses a serialized `ModelProto`. `name` stands in messages.
  /// - Throws: `malformedModel`, `unsupportedModel` or `limitExceeded`.
  init(parsing bytes: [UInt8], name: String) throws(TokenizingError) {
    var draft = SentencePieceDraft(name: name)
    do {
      try draft.read(bytes)
    } catch let fault as ProtobufFault {
      throw draft.malformed("it is \(fault)")
    } catch let error as TokenizingError {
      throw error
    } catch {
      throw draft.malformed("\(error)")
    }
    self = try draft.checked()
  }
}

/// The fields as they are found in a file, before the checks on the whole.
struct SentencePieceDraft {
  let name: String
  var remedy = "Copy tokenizer.model again from where the checkpoint came from."
  var pieces: [SentencePiece] = []
  var modelType: UInt64 = 1
  var hasByteFallback = false
  var spaceIsSuffix = false
  var beginning: Int32 = 1
  var end: Int32 = 2
  var hasTrainerSpec = false
  var hasNormalizerSpec = false
  var hasCharacterMap = false

  init(name: String) { self.name = name }

  mutating func read(_ bytes: [UInt8]) throws {
    var reader = ProtobufReader(bytes)
    while let (number, value) = try reader.next() {
      guard (1...3).contains(number) else { continue }
      guard case .bytes(let range) = value else { throw malformed("field \(number) is no message") }
      var part = ProtobufReader(bytes, range: range)
      switch number {
      case 1: try readPiece(&part)
      case 2: try readTrainerSpec(&part)
      default: try readNormalizerSpec(&part)
      }
    }
  }

  private mutating func readPiece(_ reader: inout ProtobufReader) throws {
    let id = pieces.count
    guard id < TokenizingLimits.piecesMax else {
      throw TokenizingError(
        .limitExceeded, "\(name) has more than \(TokenizingLimits.piecesMax) pieces")
    }
    var piece = SentencePiece(bytes: [], score: 0, kind: .normal)
    while let field = try reader.next() {
      switch field {
      case (1, .bytes(let range)):
        guard range.count <= TokenizingLimits.pieceBytesMax else {
          throw TokenizingError(
            .limitExceeded,
            "Piece \(id) of \(name) is longer than \(TokenizingLimits.pieceBytesMax) bytes")
        }
        piece.bytes = Array(reader.storage[range])
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let kind)):
        guard let kind = SentencePiece.Kind(rawValue: kind) else {
          throw malformed("piece \(id) has the unknown type \(kind)")
        }
        piece.kind = kind
      case (1...3, _): throw malformed("piece \(id) has a field of the wrong type")
      default: break
      }
    }
    pieces.append(piece)
  }

  private mutating func readTrainerSpec(_ reader: inout ProtobufReader) throws {
    hasTrainerSpec = true
    while let field = try reader.next() {
      switch field {
      case (3, .varint(let value)): modelType = value
      case (24, .varint(let value)): spaceIsSuffix = value != 0
      case (35, .varint(let value)): hasByteFallback = value != 0
      case (41, .varint(let value)): beginning = Int32(truncatingIfNeeded: value)
      case (42, .varint(let value)): end = Int32(truncatingIfNeeded: value)
      default: break
      }
    }
  }

  private mutating func readNormalizerSpec(_ reader: inout ProtobufReader) throws {
    hasNormalizerSpec = true
    while let field = try reader.next() {
      if case (2, .bytes(let range)) = field { hasCharacterMap = !range.isEmpty }
    }
  }

  func checked() throws(TokenizingError) -> SentencePieceModel {
    guard !pieces.isEmpty else { throw malformed("it has no pieces") }
    guard hasTrainerSpec, hasNormalizerSpec else {
      throw malformed("its trainer or normalizer settings are missing")
    }
    guard modelType == 2 else { throw unsupported("its model type is \(modelType), not BPE (2)") }
    guard !hasCharacterMap else { throw unsupported("it normalises text by a character map") }
    guard !spaceIsSuffix else { throw unsupported("it writes spaces as suffixes") }
    let unknown = try checkPieces()
    return SentencePieceModel(
      pieces: pieces, hasByteFallback: hasByteFallback, unknown: unknown,
      beginningOfSequence: controlPiece(beginning), endOfSequence: controlPiece(end))
  }

  /// Checks each piece and returns the id of the unknown one.
  private func checkPieces() throws(TokenizingError) -> Int32 {
    var seen = Set<[UInt8]>(minimumCapacity: pieces.count)
    var unknown: Int32?
    var byteValues = Set<UInt8>()
    for (id, piece) in pieces.enumerated() {
      guard !piece.bytes.isEmpty, String(validating: piece.bytes, as: UTF8.self) != nil else {
        throw malformed("piece \(id) is empty or not UTF-8")
      }
      guard seen.insert(piece.bytes).inserted else { throw malformed("piece \(id) is there twice") }
      guard piece.score.isFinite else { throw malformed("the score of piece \(id) is not finite") }
      if piece.kind == .unknown {
        guard unknown == nil else { throw malformed("it has two unknown pieces") }
        unknown = Int32(id)
      } else if piece.kind == .byte {
        guard hasByteFallback, let value = ByteToken.written(piece.bytes) else {
          throw malformed("piece \(id) is no byte piece")
        }
        byteValues.insert(value)
      }
    }
    guard let unknown else { throw malformed("it has no unknown piece") }
    guard byteValues.count == (hasByteFallback ? 256 : 0) else {
      throw malformed("it has \(byteValues.count) of the 256 byte pieces")
    }
    return unknown
  }

  private func controlPiece(_ id: Int32) -> Int32? {
    pieces.indices.contains(Int(id)) && pieces[Int(id)].kind == .control ? id : nil
  }

  func malformed(_ cause: String) -> TokenizingError {
    TokenizingError(
      .malformedModel, "\(name) is not a SentencePiece model or is damaged: \(cause)",
      remedy: remedy)
  }

  private func unsupported(_ cause: String) -> TokenizingError {
    TokenizingError(
      .unsupportedModel, "\(name) is not a Llama-style tokeniser: \(cause)",
      remedy: "Use a checkpoint of the Llama or Vicuna family.")
  }
}
