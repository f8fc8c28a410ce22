/// Directories with quantised weights: what stands in them, and that they are there whole or not at
/// all.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("quantised checkpoints")
struct QuantizerTests {
  private let scratch: ScratchCheckpoint
  private let output: URL

  init() throws {
    scratch = try ScratchCheckpoint()
    output = scratch.path("out")
  }

  private static let pair = ScratchCheckpoint.fixtures
    .appending(path: "gguf/pair/tiny-linear-rope.gguf")

  private func write(
    _ checkpoint: Checkpoint, _ format: WeightFormat = .q8_0, replaces: Bool = false
  ) throws {
    let team = try ThreadTeam(threads: 2)
    try CheckpointQuantizer(checkpoint, to: format, on: team)
      .write(to: output, replaces: replaces) { _, _ in }
  }

  /// What stands in the scratch directory.
  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: scratch.directory.path) }
  }

  @Test(
    "every tensor is what loading with that format gives, in its place in the file",
    arguments: WeightFormat.quantized, [true, false])
  func tensors(format: WeightFormat, isGGUF: Bool) throws {
    let original =
      isGGUF
      ? try Checkpoint(at: Self.pair)
      : try Checkpoint(directory: ScratchCheckpoint.fixtures.appending(path: "tiny-mlp-gqa"))
    try write(original, format)
    let written = try Checkpoint(directory: output)
    #expect(written.configuration == original.configuration)
    #expect(written.profile.notation == original.profile.notation)
    #expect(written.tensorNames == original.tensorNames)
    #expect(written.ownByteCount(prefix: "") == 0)
    let converted = ConvertedWeights(original, to: format, on: .single)
    var formats: Set<WeightFormat> = []
    for name in written.tensorNames {
      let shape = try #require(original.shape(of: name))
      let (tensor, expected) = (
        try written.tensor(name, shape: shape), try converted.tensor(name, shape: shape)
      )
      formats.insert(tensor.format)
      #expect(tensor.format == expected.format && tensor.widened() == expected.widened(), "\(name)")
      let location = try #require(written.location(name))
      #expect(location.offset % (tensor.format.isQuantized ? 64 : tensor.format.byteCount) == 0)
    }
    #expect(formats.contains(format))
    #expect(try written.digest() != original.digest())
  }

  @Test("a GGUF file's vocabulary and chat template are taken over")
  func vocabulary() throws {
    let original = try Checkpoint(at: Self.pair)
    try write(original)
    let metadata = try #require(try Checkpoint(directory: output).tokenizerMetadata)
    let expected = try #require(original.tokenizerMetadata)
    #expect(metadata.values.keys == expected.values.keys)
    for key in ["tokenizer.ggml.tokens", "tokenizer.ggml.scores"] {
      #expect(metadata.has(key))
    }
    #expect(try metadata.texts("tokenizer.ggml.tokens") == expected.texts("tokenizer.ggml.tokens"))
  }

  @Test("chatspot.json is taken over, without the format that is reached")
  func profile() throws {
    let source = try ScratchCheckpoint("tiny-mlp-gqa")
    try source.write(
      #"{"notation": "mini", "weights": "q4_0", "later": [1]}"#, to: "chatspot.json")
    try write(source.open())
    let written = try Checkpoint(directory: output)
    #expect(written.profile.notation == "mini" && written.profile.weightFormat == nil)
    let text = try String(contentsOf: output.appending(path: "chatspot.json"), encoding: .utf8)
    #expect(text.contains("later"))
  }

  @Test("a directory that is there is kept, or replaced if that is asked for")
  func replacing() throws {
    let original = try Checkpoint(at: Self.pair)
    try write(original)
    let before = try Checkpoint(directory: output).digest()
    let error = #expect(throws: CheckpointError.self) { try write(original, .q4_0) }
    #expect(error?.code == .unwritable && error?.remedy.contains("--force") == true)
    #expect(try Checkpoint(directory: output).digest() == before)
    try write(original, .q4_0, replaces: true)
    #expect(try Checkpoint(directory: output).digest() != before)
    #expect(try names == ["out"])
  }

  @Test("nothing but a checkpoint is replaced, and never the one that is read")
  func keeping() throws {
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    try scratch.write("dear", to: "out/letter.txt")
    let other = #expect(throws: CheckpointError.self) {
      try write(Checkpoint(at: Self.pair), replaces: true)
    }
    #expect(other?.message.contains("not a checkpoint") == true)
    #expect(try names == ["out"])
    let source = try ScratchCheckpoint("tiny-mlp-gqa")
    let itself = #expect(throws: CheckpointError.self) {
      try CheckpointQuantizer(source.open(), to: .q8_0, on: .single)
        .write(to: source.directory, replaces: true) { _, _ in }
    }
    #expect(itself?.code == .unwritable)
    _ = try source.open().digest()
  }

  @Test("what fails on the way leaves nothing behind")
  func failing() throws {
    let source = try ScratchCheckpoint("tiny-mlp-gqa")
    let checkpoint = try source.open()
    let whole = try Data(contentsOf: source.path("model.safetensors"))
    try whole.prefix(whole.count / 2).write(to: source.path("model.safetensors"))
    #expect(throws: CheckpointError.self) { try write(checkpoint) }
    #expect(try names.isEmpty)
    let nowhere = #expect(throws: CheckpointError.self) {
      try CheckpointQuantizer(checkpoint, to: .q8_0, on: .single)
        .write(to: scratch.path("none/out")) { _, _ in }
    }
    #expect(
      nowhere?.code == .unwritable && nowhere?.message.contains("there is no directory") == true)
  }

  @Test("a cancelled task leaves nothing behind")
  func cancelling() async throws {
    let (output, pair) = (output, Self.pair)
    let work = Task {
      let checkpoint = try Checkpoint(at: pair)
      try CheckpointQuantizer(checkpoint, to: .q8_0, on: .single).write(to: output) { _, _ in
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }
    let error = await #expect(throws: CheckpointError.self) { try await work.value }
    #expect(error?.code == .cancelled)
    #expect(try names.isEmpty)
  }

  @Test("a full disk is told by the system's words")
  func fullDisk() throws {
    let full = try FileHandle(forWritingTo: URL(filePath: "/dev/full"))
    let memory = ReadOnlyMemory(copying: [1, 2, 3])
    let error = #expect(throws: ComputeError.self) { try memory.write(to: full) }
    #expect(error?.code == .unwritable && error?.message.contains("No space left") == true)
  }

  @Test("packed weights of another kind, or without their mark, are not taken for ours")
  func foreign() throws {
    func open(_ metadata: String) throws -> SafetensorsHeader {
      try scratch.write(
        safetensors(
          header: """
            {"__metadata__":{\(metadata)},"t":{"dtype":"Q8_0","shape":[16,32],\
            "data_offsets":[0,576]}}
            """, data: [UInt8](repeating: 0, count: 576)), to: "x.safetensors")
      return try SafetensorsHeader(reading: scratch.path("x.safetensors"))
    }
    #expect(try open("\"chatspot_packing\":\"panels-16x4-pairs\"").tensors["t"]?.format == .q8_0)
    #expect(try open("\"format\":\"pt\"").unread == ["t": "Q8_0"])
    let error = #expect(throws: CheckpointError.self) {
      try open("\"chatspot_packing\":\"panels-32\"")
    }
    #expect(error?.code == .unsupported)
  }

  @Test("packed tensors of an impossible shape or size are refused")
  func impossible() throws {
    func code(_ shape: String, _ bytes: Int) throws -> CheckpointError.Code? {
      try scratch.write(
        safetensors(
          header: """
            {"__metadata__":{"chatspot_packing":"panels-16x4-pairs"},\
            "t":{"dtype":"Q4_0","shape":\(shape),"data_offsets":[0,\(bytes)]}}
            """, data: [UInt8](repeating: 0, count: 320)), to: "x.safetensors")
      do throws(CheckpointError) {
        _ = try SafetensorsHeader(reading: scratch.path("x.safetensors"))
        return nil
      } catch { return error.code }
    }
    #expect(try code("[16,32]", 320) == nil)
    #expect(try code("[16,33]", 320) == .malformed)
    #expect(try code("[16,64]", 320) == .malformed)
    #expect(try code("[4611686018427387904,32]", 320) == .malformed)
    #expect(try code("[17,32]", 320) == .malformed)
  }
}
