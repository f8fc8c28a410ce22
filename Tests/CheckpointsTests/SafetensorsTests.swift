/// Damaged safetensors files: each is refused by name, none brings the process down.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("safetensors")
struct SafetensorsTests {
  private let scratch: ScratchCheckpoint

  init() throws { scratch = try ScratchCheckpoint() }

  private func read(_ bytes: [UInt8]) throws(CheckpointError) -> SafetensorsHeader {
    do { try scratch.write(bytes, to: "x.safetensors") } catch {
      throw CheckpointError(.unreadable, "the test cannot write: \(error)")
    }
    return try SafetensorsHeader(reading: scratch.path("x.safetensors"))
  }

  @Test("names, types, shapes and places are read; metadata and order do not matter")
  func whole() throws {
    let header = try read(
      safetensors(
        header: """
          {"b":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"__metadata__":{"format":"pt"},
          "a":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]},
          "none":{"dtype":"F16","shape":[0,7],"data_offsets":[8,8]},
          "scalar":{"dtype":"F16","shape":[],"data_offsets":[6,8]}}
          """, data: Array(0..<8)))
    #expect(header.tensors["a"]?.shape == [2, 1] && header.tensors["a"]?.format == .bf16)
    #expect(header.tensors["scalar"]?.byteCount == 2 && header.tensors["none"]?.byteCount == 0)
    let b = try #require(header.tensors["b"])
    let memory = try ReadOnlyMemory(mapping: b.path, offset: b.offset, count: b.byteCount)
    #expect(memory.bytes(0..<4) == [4, 5, 6, 7])
  }

  @Test("a file cut off anywhere is refused with its path")
  func truncations() throws {
    let file = safetensors([
      WrittenTensor("a", shape: [3, 2]),
      WrittenTensor("b", type: "F32", shape: [2], bytes: Array(0..<8)),
    ])
    for count in 0..<file.count {
      let error = #expect(throws: CheckpointError.self) { try read(Array(file.prefix(count))) }
      #expect(error?.code == .malformed, "\(count)")
      #expect(error?.message.contains("x.safetensors is not a whole safetensors file") == true)
    }
    #expect(throws: Never.self) { try read(file) }
  }

  @Test("a header's length is believed only as far as the file goes")
  func lengths() throws {
    let header = "{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}"
    for length: UInt64 in [0, 1, 57, 59, 1000, 100_000_001, 1 << 62, 1 << 63, .max] {
      let error = #expect(throws: CheckpointError.self, "\(length)") {
        try read(safetensors(header: header, data: [0, 0], claiming: length))
      }
      #expect(error?.code == .malformed)
    }
  }

  @Test(
    "entries that lie are refused by the tensor's name",
    arguments: [
      ("F16", "[1]", "[0,4]", "has 4 bytes"), ("F32", "[1]", "[0,2]", "has 2 bytes"),
      ("F16", "[8]", "[0,16]", "ends at byte 16 of the data; the file has 8"),
      ("F16", "[1]", "[8,10]", "ends at byte 10"), ("F16", "[1]", "[4,2]", "is not a tensor's"),
      ("F16", "[0]", "[9223372036854774784,9223372036854774784]", "ends at byte"),
      ("F16", "[4611686018427387904,4]", "[0,8]", "claims the shape"),
      ("F16", "[9007199254740992,9007199254740992]", "[0,8]", "claims the shape"),
      ("F16", "[-1]", "[0,2]", "is not a tensor's"), ("F16", "[1.5]", "[0,3]", "is not a tensor's"),
      ("F16", "[1e30]", "[0,2]", "is not a tensor's"), ("F16", "1", "[0,2]", "is not a tensor's"),
      ("F16", "[1]", "[0]", "is not a tensor's"), ("F16", "[1]", "[0,2,4]", "is not a tensor's"),
      ("F16", "[1,1,1,1,1,1,1,1,1]", "[0,2]", "is not a tensor's"),
      ("F16", "[\"1\"]", "[0,2]", "is not a tensor's"),
      ("F16", "null", "[0,2]", "is not a tensor's"),
    ])
  func entries(type: String, shape: String, offsets: String, problem: String) throws {
    // A long name puts the data far into the file, so that sums of offsets could overflow.
    let name = String(repeating: "n", count: 2000)
    let header =
      "{\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
    let error = #expect(throws: CheckpointError.self) {
      try read(safetensors(header: header, data: [UInt8](repeating: 0, count: 8)))
    }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains(problem) == true && error?.message.contains(name) == true)
  }

  @Test(
    "a header that is no object of tensors is refused",
    arguments: [
      "", "[]", "null", "{\"a\":1}", "{\"a\":{}}", "{\"a\":", "{\"a\":{\"dtype\":5}}",
      String(repeating: "[", count: 100_000), "{\"a\":" + String(repeating: "[", count: 50_000),
    ])
  func notTensors(header: String) throws {
    let error = #expect(throws: CheckpointError.self) { try read(safetensors(header: header)) }
    #expect(error?.code == .malformed)
  }

  @Test("types that are not read are passed over until somebody asks for the tensor")
  func types() throws {
    let header = try read(
      safetensors([
        WrittenTensor("a", shape: [1]),
        WrittenTensor("p", type: "I64", shape: [1], bytes: [UInt8](repeating: 0, count: 8)),
        WrittenTensor("q", type: "F8_E4M3", shape: [2], bytes: [0, 0]),
      ]))
    #expect(header.tensors.keys.sorted() == ["a"])
    #expect(header.unread == ["p": "I64", "q": "F8_E4M3"])
  }

  @Test("files that are none: missing, a directory")
  func noFile() throws {
    let missing = #expect(throws: CheckpointError.self) {
      try SafetensorsHeader(reading: scratch.path("none"))
    }
    #expect(missing?.code == .unreadable && missing?.message.contains("none") == true)
    #expect(throws: CheckpointError.self) { try SafetensorsHeader(reading: scratch.directory) }
  }
}
