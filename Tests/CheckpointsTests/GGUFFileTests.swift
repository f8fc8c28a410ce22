/// GGUF files: what is read of sound ones, and that damaged ones are refused by name, at once.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("GGUF files")
struct GGUFFileTests {
  private let scratch: ScratchCheckpoint

  init() throws { scratch = try ScratchCheckpoint() }

  private func read(_ bytes: [UInt8]) throws(CheckpointError) -> GGUFFile {
    do { try scratch.write(bytes, to: "x.gguf") } catch {
      throw CheckpointError(.unreadable, "the test cannot write: \(error)")
    }
    return try GGUFFile(reading: scratch.path("x.gguf"))
  }

  /// What reading a file throws; nil if it is read.
  private func error(_ bytes: [UInt8]) -> CheckpointError? {
    do throws(CheckpointError) {
      _ = try read(bytes)
      return nil
    } catch { return error }
  }

  private static let sound = WrittenGGUF(
    keys: [
      ("whole", .uint32(7)), ("large", .uint64(.max)), ("below", .int32(-3)),
      ("number", .float32(0.5)), ("yes", .bool(true)), ("text", .string("naïve")),
      ("texts", .strings(["a", "", "你好"])), ("list", .uint32s([3, 5])),
      ("floats", .floats([1, 2])),
    ],
    entries: [
      WrittenEntry(name: "f", extents: [3, 2], offset: 0),
      WrittenEntry(name: "half", extents: [4], type: 1, offset: 32),
      WrittenEntry(name: "q", extents: [32, 2], type: 8, offset: 64),
      WrittenEntry(name: "old", extents: [32], type: 3, offset: 160),
    ],
    data: Array(0..<180))

  @Test("values of every kind and the places of tensors", arguments: [2, 3] as [UInt32])
  func whole(version: UInt32) throws {
    var written = Self.sound
    written.version = version
    let file = try read(written.bytes)
    let metadata = file.metadata
    #expect(try metadata.integer("whole") == 7)
    #expect(try metadata.integer("below", in: -9...9) == -3)
    #expect(try metadata.number("number") == 0.5 && metadata.number("whole") == 7)
    #expect(try metadata.bool("yes", default: false) && metadata.string("text") == "naïve")
    #expect(try metadata.texts("texts") == [Array("a".utf8), [], Array("你好".utf8)])
    #expect(try metadata.integers("list") == [3, 5] && metadata.numbers("floats") == [1, 2])
    #expect(try metadata.integers("none") == nil && metadata.integer("none", default: 4) == 4)
    let f = try #require(file.tensors["f"])
    #expect(f.shape == [2, 3] && f.format == .f32 && f.encoding == nil)
    #expect(try f.mapped().bytes(0..<24) == Array(0..<24))
    #expect(try file.tensors["half"]?.mapped().bytes(0..<2) == [32, 33])
    #expect(file.tensors["q"]?.encoding == .q8_0 && file.tensors["q"]?.byteCount == 68)
    #expect(file.unread == ["old": "Q4_1"])
  }

  @Test("a value of another kind than is asked for is refused with its key")
  func kinds() throws {
    let metadata = try read(Self.sound.bytes).metadata
    func refusal(_ body: (GGUFMetadata) throws(CheckpointError) -> Void) -> CheckpointError? {
      do throws(CheckpointError) {
        try body(metadata)
        return nil
      } catch { return error }
    }
    let refusals = [
      ("text", refusal { metadata throws(CheckpointError) in _ = try metadata.integer("text") }),
      ("large", refusal { metadata throws(CheckpointError) in _ = try metadata.integer("large") }),
      ("yes", refusal { metadata throws(CheckpointError) in _ = try metadata.number("yes") }),
      ("whole", refusal { metadata throws(CheckpointError) in _ = try metadata.string("whole") }),
      ("texts", refusal { metadata throws(CheckpointError) in _ = try metadata.integers("texts") }),
      ("list", refusal { metadata throws(CheckpointError) in _ = try metadata.texts("list") }),
      ("none", refusal { metadata throws(CheckpointError) in _ = try metadata.integer("none") }),
    ]
    for (key, refusal) in refusals {
      #expect(refusal?.code == .configuration && refusal?.message.contains(": \(key) ") == true)
    }
  }

  @Test("a file cut off anywhere is refused")
  func truncations() throws {
    let bytes = Self.sound.bytes
    // Behind the last tensor's data there is nothing that could be missed.
    for count in stride(from: 0, to: bytes.count - 48, by: 3) {
      let error = error(Array(bytes.prefix(count)))
      #expect(error?.code == .malformed, "cut off at \(count)")
      #expect(error?.message.contains("x.gguf") == true)
    }
  }

  @Test("claims that the file cannot keep are refused before memory is taken")
  func claims() throws {
    let limit = UInt64.max
    for claim in [limit, limit / 2, 1 << 40, 1 << 32] {
      var written = Self.sound
      written.tensorCount = claim
      #expect(error(written.bytes)?.code == .malformed)
      written = Self.sound
      written.keyCount = claim
      #expect(error(written.bytes)?.code == .malformed)
      let values: [WrittenValue] = [
        .raw(8, little(claim)), .raw(9, little(UInt32(8)) + little(claim)),
        .raw(9, little(UInt32(0)) + little(claim)), .raw(9, little(UInt32(9)) + little(claim)),
      ]
      for value in values {
        written = WrittenGGUF(keys: [("k", value)])
        #expect(error(written.bytes)?.code == .malformed)
      }
      written = WrittenGGUF()
      #expect(
        error(Array(written.bytes.prefix(16)) + little(UInt64(1)) + little(claim))?.code
          == .malformed)
    }
  }

  @Test("lists nested without end are refused")
  func nesting() throws {
    var value: [UInt8] = []
    for _ in 0..<2000 { value += little(UInt32(9)) + little(UInt64(1)) }
    #expect(error(WrittenGGUF(keys: [("k", .raw(9, value))]).bytes)?.code == .malformed)
  }

  @Test("tensors that are where no tensor can be are refused by name")
  func places() throws {
    let data = [UInt8](repeating: 1, count: 128)
    func refused(_ entry: WrittenEntry, _ part: String) {
      let error = error(WrittenGGUF(entries: [entry], data: data).bytes)
      #expect(error?.code == .malformed && error?.message.contains("tensor t") == true)
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "read")")
    }
    refused(WrittenEntry(name: "t", extents: [8], offset: 128), "the file has 128 of it")
    refused(WrittenEntry(name: "t", extents: [33], offset: 0), "the file has 128 of it")
    refused(WrittenEntry(name: "t", extents: [8], offset: .max - 31), "no multiple")
    refused(WrittenEntry(name: "t", extents: [8], offset: 1 << 62), "the file has 128 of it")
    refused(WrittenEntry(name: "t", extents: [8], offset: 8), "no multiple of 32")
    refused(WrittenEntry(name: "t", extents: [1 << 62, 8], offset: 0), "too large")
    refused(WrittenEntry(name: "t", extents: [1 << 61], offset: 0), "too large")
    refused(WrittenEntry(name: "t", extents: [.max], offset: 0), "the extent")
    refused(WrittenEntry(name: "t", extents: [0], offset: 0), "the extent 0")
    refused(WrittenEntry(name: "t", extents: [1, 1, 1, 1, 1], offset: 0), "5 extents")
    refused(WrittenEntry(name: "t", extents: [48, 1], type: 8, offset: 0), "whole blocks")
    refused(WrittenEntry(name: "t", extents: [32], type: 8, offset: 0), "whole blocks")
  }

  @Test("tensors and keys that contradict each other are refused")
  func contradictions() throws {
    let data = [UInt8](repeating: 1, count: 128)
    let first = WrittenEntry(name: "a", extents: [16], offset: 0)
    let overlapping = WrittenEntry(name: "b", extents: [8], offset: 32)
    let overlap = error(WrittenGGUF(entries: [first, overlapping], data: data).bytes)
    #expect(overlap?.code == .malformed && overlap?.message.contains("a and b overlap") == true)
    let twice = error(WrittenGGUF(entries: [first, first], data: data).bytes)
    #expect(twice?.code == .malformed && twice?.message.contains("a stands twice") == true)
    let keys = error(WrittenGGUF(keys: [("k", .bool(true)), ("k", .bool(false))]).bytes)
    #expect(keys?.code == .malformed && keys?.message.contains("k stands twice") == true)
    for alignment in [0, 4, 12] as [UInt32] {
      let error = error(WrittenGGUF(keys: [("general.alignment", .uint32(alignment))]).bytes)
      #expect(error?.code == .configuration)
    }
  }

  @Test("files that are not GGUF, or of kinds that are not read, are refused")
  func others() throws {
    #expect(error(Array("GGML".utf8) + [UInt8](repeating: 0, count: 60))?.code == .malformed)
    for version in [0, 1, 4, 3 << 24] as [UInt32] {
      var written = Self.sound
      written.version = version
      #expect(error(written.bytes)?.code == .unsupported, "version \(version)")
    }
    let part = error(WrittenGGUF(keys: [("split.count", .uint32(3))]).bytes)
    #expect(part?.code == .unsupported && part?.remedy.contains("--merge") == true)
    let type = error(WrittenGGUF(keys: [("k", .raw(13, []))]).bytes)
    #expect(type?.code == .malformed && type?.message.contains("unknown type 13") == true)
  }

  @Test("a file of random changes is refused or read, never fatal")
  func changes() throws {
    var random = SystemRandomNumberGenerator()
    let sound = Self.sound.bytes
    for _ in 0..<300 {
      var bytes = sound
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(
          in: .min ... .max, using: &random)
      }
      guard let file = try? read(bytes) else { continue }
      for (_, location) in file.tensors { _ = try location.mapped() }
      _ = try? file.metadata.texts("texts")
      _ = try? file.metadata.integers("list")
    }
  }
}
