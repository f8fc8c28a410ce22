/// Damaged models: refused or harmless, never a crash.
import Testing

@testable import Tokenizing

@Suite("damaged models")
struct DamagedModelTests {
  /// Loads as far as it goes and uses what comes; nil if it was refused.
  private func use(_ bytes: [UInt8]) throws -> [Int32]? {
    do throws(TokenizingError) {
      let model = try SentencePieceModel(parsing: bytes, name: "damaged")
      let processor = try SentencePieceProcessor(
        serializedModel: model.serialized(hiding: [1, 300]), name: "damaged")
      let ids = processor.encode(Array("▁What▁is▁at▁[0.25,0.40]?\n你\0".utf8)[...])
      let isInRange = ids?.allSatisfy { model.pieces.indices.contains(Int($0)) }
      #expect(isInRange == true)
      return ids
    } catch {
      #expect(!error.description.isEmpty)
      return nil
    }
  }

  @Test("a truncated model is refused, wherever it ends", arguments: ["mini", "legacy"])
  func refusesTruncation(name: String) throws {
    let bytes = try Fixtures.model(name)
    #expect(try use(bytes) != nil)
    // Every end in the settings at the tail, and a sample of the pieces before.
    let ends = Array(stride(from: 0, to: bytes.count, by: 29)) + (bytes.count - 300..<bytes.count)
    let survivors = try ends.filter { try use(Array(bytes[..<$0])) != nil }
    // What follows the normaliser's first field (its name) is optional.
    #expect(survivors.allSatisfy { bytes.count - $0 < 60 }, "\(survivors.map { bytes.count - $0 })")
  }

  @Test("flipped bits are refused or harmless", arguments: ["mini", "legacy"])
  func survivesBitFlips(name: String) throws {
    let bytes = try Fixtures.model(name)
    var generator = SeededGenerator(state: 0xC0FFEE)
    var refused = 0
    for _ in 0..<250 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let place = Int.random(in: damaged.indices, using: &generator)
        damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      if try use(damaged) == nil { refused += 1 }
    }
    #expect(refused > 50)
  }

  @Test("random fields are refused")
  func survivesRandomFields() throws {
    var generator = SeededGenerator(state: 5)
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
        [0x0A, 0x12, 0x1A, 0x08, 0x02, 0x15, UInt8.random(in: 0...255, using: &generator)]
          .randomElement(using: &generator)!
      }
      #expect(try use(bytes) == nil)
    }
  }

  @Test(
    "settings and pieces that the library trusts blindly are refused",
    arguments: [
      [0x1A, 0x05, 0x12, 0x03, 1, 2, 3],  // a character map
      [0x12, 0x02, 0x18, 0x01],  // model_type unigram
      [0x12, 0x03, 0xC0, 0x01, 0x01],  // spaces as suffixes
      [0x12, 0x03, 0x98, 0x02, 0x00],  // no byte fallback, though there are byte pieces
      [0x0A, 0x00],  // an empty piece
      [0x0A, 0x03, 0x0A, 0x01, 0xFF],  // a piece that is not UTF-8
      [0x0A, 0x03, 0x0A, 0x01, 0x61],  // a piece that is there already
      [0x0A, 0x08, 0x0A, 0x01, 0x01, 0x15, 0, 0, 0xC0, 0x7F],  // a score that is not a number
      [0x0A, 0x05, 0x0A, 0x01, 0x01, 0x18, 0x02],  // a second unknown piece
      [0x0A, 0x05, 0x0A, 0x01, 0x01, 0x18, 0x06],  // a byte piece by no byte's name
      [0x0A, 0x05, 0x0A, 0x01, 0x01, 0x18, 0x07],  // a piece of a type that does not exist
    ] as [[UInt8]])
  func refusesAppendedFields(appended: [UInt8]) throws {
    // Fields at the end of a protobuf message override or extend what stands before.
    #expect(try use(Fixtures.model("mini") + appended) == nil)
  }
}
