/// Pickled files: what PyTorch writes is read, everything else is refused and never run.

import Compute
import Foundation
import Testing

@testable import Checkpoints

@Suite("pickled files")
struct PickledTests {
  private let scratch: ScratchCheckpoint

  init() throws { scratch = try ScratchCheckpoint() }

  private func read(_ bytes: [UInt8]) throws(CheckpointError) -> PickledHeader {
    do { try scratch.write(bytes, to: "x.bin") } catch {
      throw CheckpointError(.unreadable, "the test cannot write: \(error)")
    }
    return try PickledHeader(reading: scratch.path("x.bin"))
  }

  /// What reading throws; nil if it is read.
  private func problem(_ bytes: [UInt8]) -> CheckpointError? {
    do throws(CheckpointError) {
      _ = try read(bytes)
      return nil
    } catch { return error }
  }

  /// What is wrong with a file of this pickle and one storage of six halves.
  private func problem(pickle: [UInt8]) -> CheckpointError? {
    problem(WrittenZip(pickle: pickle, storages: [Self.halves]).bytes)
  }

  private static let halves = (0..<12).map { UInt8($0) }

  private static let sound: WrittenZip = {
    let tensors: [(String, [UInt8])] = [
      ("a", PickledTensor().bytes),
      ("b", PickledTensor(offset: 2, shape: [4], strides: [1]).parameter),
      ("one", PickledTensor(shape: [1, 6, 1], strides: [99, 1, 0]).bytes),
      ("none", PickledTensor(offset: 6, shape: [0, 3], strides: [3, 1]).bytes),
      ("scalar", PickledTensor(offset: 5, shape: [], strides: []).bytes),
      (
        "f",
        PickledTensor(type: "FloatStorage", key: "1", count: 2, shape: [2], strides: [1]).bytes
      ),
      ("i", PickledTensor(type: "LongStorage", key: "2", count: 1, shape: [1], strides: [1]).bytes),
    ]
    let attributes =
      Pickle.dictionary([]) + Pickle.text("_metadata") + Pickle.orderedDictionary + Array("s".utf8)
    let pickle = Pickle.start + Pickle.dictionary(tensors) + attributes + Array("b.".utf8)
    return WrittenZip(
      pickle: pickle, storages: [halves, (0..<8).map { $0 }, [UInt8](repeating: 0, count: 8)])
  }()

  @Test("tensors, parameters, views of one storage and scalars are where the file says")
  func whole() throws {
    var written = Self.sound
    for isLarge in [true, false] {
      written.isLarge = isLarge
      let header = try read(written.bytes)
      #expect(header.tensors.keys.sorted() == ["a", "b", "f", "none", "one", "scalar"])
      #expect(header.unread == ["i": "I64"])
      let b = try #require(header.tensors["b"])
      #expect(b.shape == [4] && b.format == .f16)
      #expect(try b.mapped().bytes(0..<8) == Array(4..<12))
      #expect(header.tensors["f"]?.format == .f32 && header.tensors["scalar"]?.byteCount == 2)
      #expect(header.tensors["a"].map { $0.offset % 64 } == 0)
    }
  }

  @Test("a file cut off anywhere is refused with its path")
  func truncations() throws {
    let file = Self.sound.bytes
    for count in 0..<file.count {
      let error = problem(Array(file.prefix(count)))
      #expect(error?.code == .malformed, "\(count)")
      #expect(error?.message.contains("x.bin") == true)
    }
  }

  @Test("a file with any byte changed is read or refused; no tensor leaves the file")
  func damage() throws {
    let file = Self.sound.bytes
    for index in file.indices {
      for change: UInt8 in [1, 0x80, 0xFF] {
        var damaged = file
        damaged[index] ^= change
        guard let header = try? read(damaged) else { continue }
        for tensor in header.tensors.values {
          #expect(tensor.offset >= 0 && tensor.offset + tensor.byteCount <= file.count)
        }
      }
    }
  }

  @Test(
    "a pickle that asks for a program is refused by its name, and nothing is run",
    arguments: [
      ("posix", "system"), ("builtins", "eval"), ("torch._utils", "_rebuild_qtensor"),
      ("torch", "load"), ("collections", "defaultdict"), ("torch.nn.modules.linear", "Linear"),
    ])
  func programs(module: String, name: String) throws {
    let canary = scratch.path("canary")
    let call =
      Pickle.global(module, name) + Pickle.tuple([Pickle.text("touch \(canary.path)")])
      + Pickle.call
    for pickle in [
      Pickle.start + call + Pickle.stop, Pickle.file([("a", PickledTensor().bytes), ("b", call)]),
    ] {
      let error = try #require(problem(pickle: pickle))
      #expect(error.code == .unsupported && error.message.contains("names \(module).\(name)"))
      #expect(error.remedy.contains("Nothing of it has been run"))
    }
    #expect(!FileManager.default.fileExists(atPath: canary.path))
  }

  @Test("instructions that torch.save does not write for weights are refused")
  func instructions() throws {
    // INST, OBJ, NEWOBJ, EXT1, DUP, POP, STRING, INT, BINBYTES8, FRAME, STACK_GLOBAL, MEMOIZE.
    for opcode in Array("io".utf8) + [0x81, 0x82] + Array("20SI".utf8) + [0x8E, 0x95, 0x93, 0x94] {
      let error = try #require(
        problem(pickle: Pickle.start + [opcode] + Array("posix\nsystem\n.".utf8)))
      #expect(error.code == .unsupported, "\(opcode)")
      #expect(error.message.contains("0x\(String(opcode, radix: 16))"))
    }
    for version: UInt8 in [0, 1, 3, 4, 5] {
      let error = try #require(problem(pickle: [0x80, version] + Array("}.".utf8)))
      #expect(error.code == .unsupported && error.message.contains("protocol \(version)"))
    }
  }

  @Test("calls and values that make no dictionary of tensors are refused")
  func values() throws {
    let dictionary = Pickle.orderedDictionary
    for (instructions, what) in [
      (Pickle.integer(3), "holds a number"), (Pickle.emptyTuple, "holds a tuple"),
      (Pickle.dictionary([("a", Pickle.integer(3))]), "has a number under a"),
      (Pickle.dictionary([("a", dictionary)]), "has a dictionary under a"),
      (dictionary + Pickle.emptyTuple + Pickle.call, "calls a dictionary"),
      (Pickle.text("storage") + Array("Q".utf8), "has a text where a tuple must be"),
      (Pickle.emptyTuple + Array("Q".utf8), "names a storage"),
      (Pickle.integer(1) + Pickle.integer(2), "ends with values left over"),
      (
        Pickle.global("torch._utils", "_rebuild_tensor_v2") + Pickle.emptyTuple + Pickle.call,
        "other"
      ),
      (Pickle.integer(1) + Pickle.integer(2) + Array("b".utf8), "gives attributes to"),
      (Array("R".utf8), "takes a value"), (Array("u".utf8), "takes values without a beginning"),
      (Array("h".utf8) + [7], "recalls value 7"),
      (dictionary + Pickle.integer(1) + Pickle.integer(2) + Array("s".utf8), "as a name"),
    ] {
      let error = try #require(
        problem(pickle: Pickle.start + instructions + Pickle.stop), "\(what)")
      #expect(error.message.contains(what), "\(error)")
    }
  }

  @Test("a pickle cannot go deep, remember without end, or claim what is not there")
  func bounds() throws {
    let many = 100_000
    func repeated(_ instructions: [UInt8], _ count: Int) -> [UInt8] {
      Array([[UInt8]](repeating: instructions, count: count).joined())
    }
    for (instructions, what) in [
      (repeated(Pickle.mark, many), "nested more than"),
      (repeated(Pickle.emptyTuple, many), "values waiting"),
      (
        Array("}".utf8) + (0..<UInt32(300_000)).flatMap { Array("r".utf8) + little($0) },
        "remembers more than"
      ),
      (Array("}".utf8) + repeated(Array("]b".utf8), 600_000), "holds more than"),
      (Array("X".utf8) + little(UInt32.max), "text of 4294967295 bytes"),
      (Array("X".utf8) + little(UInt32(100)), "is cut off"),
      ([0x8A, 255], "is cut off"),
      ([0x8A, 9] + [UInt8](repeating: 1, count: 9), "number of 9 bytes"),
      (Array("cposix".utf8), "a name without an end"),
    ] {
      let error = try #require(problem(pickle: Pickle.start + instructions), "\(what)")
      #expect(error.code == .malformed && error.message.contains(what), "\(error)")
    }
    // A tuple in a tuple in a tuple: there is no stack to run over.
    let nested = Pickle.start + Pickle.emptyTuple + repeated([0x85], 200_000) + Pickle.stop
    #expect(problem(pickle: nested)?.message.contains("holds a tuple") == true)
  }

  @Test(
    "tensors that lie are refused by name",
    arguments: [
      (PickledTensor(key: "9"), "storage 9, which is not there"),
      (PickledTensor(key: "../data/0"), "which is not there"),
      (PickledTensor(count: 7), "of 7 numbers, which has 12 bytes"),
      (PickledTensor(count: 5), "of 5 numbers, which has 12 bytes"),
      (PickledTensor(count: .max), "which has 12 bytes"),
      (PickledTensor(count: -6), "names a storage"),
      (PickledTensor(type: "FloatStorage"), "of 6 numbers, which has 12 bytes"),
      (PickledTensor(offset: 1), "ends beyond the 6 numbers"),
      (PickledTensor(offset: .max), "ends beyond the 6 numbers"),
      (PickledTensor(offset: -1), "extents and 2 strides"),
      (PickledTensor(shape: [3, 3]), "ends beyond the 6 numbers"),
      (PickledTensor(shape: [1 << 40, 1 << 40]), "is too large"),
      (PickledTensor(shape: [-2, 3]), "as an extent or stride"),
      (PickledTensor(strides: [1, 2]), "with strides [1, 2]"),
      (PickledTensor(strides: [0, 0]), "with strides [0, 0]"),
      (PickledTensor(shape: [2]), "1 extents and 2 strides"),
      (
        PickledTensor(
          shape: [Int](repeating: 1, count: 9), strides: [Int](repeating: 1, count: 9)),
        "at most 8"
      ),
    ])
  func lies(tensor: PickledTensor, what: String) throws {
    let error = try #require(problem(pickle: Pickle.file([("liar", tensor.bytes)])))
    #expect(error.message.contains(what), "\(error)")
  }

  @Test("a name that stands twice is refused")
  func twice() throws {
    let tensor = PickledTensor().bytes
    let error = problem(pickle: Pickle.file([("a", tensor), ("a", tensor)]))
    #expect(error?.message.contains("tensor a stands twice") == true)
  }

  @Test("archives whose directory lies, overlaps, compresses or encrypts are refused")
  func archives() throws {
    let sound = WrittenZip(
      pickle: Pickle.file([("a", PickledTensor().bytes)]), storages: [Self.halves])
    #expect(problem(sound.bytes) == nil)
    func changed(_ change: (inout WrittenZip) -> Void) -> CheckpointError? {
      var archive = sound
      change(&archive)
      return problem(archive.bytes)
    }
    for (change, code, what): ((inout WrittenZip) -> Void, CheckpointError.Code, String) in [
      ({ $0.entries[2].method = 8 }, .unsupported, "model/data/0 is compressed"),
      ({ $0.entries[2].flags = 1 }, .unsupported, "model/data/0 is compressed or encrypted"),
      ({ $0.entries[2].listedCount = 100_000 }, .malformed, "ends beyond"),
      ({ $0.entries[2].listedCount = .max }, .malformed, "a size or place that is missing"),
      ({ $0.entries[0].listedCount = 2000 }, .malformed, "ends beyond"),
      (
        { $0.entries[0].listedCount = UInt32($0.entries[0].bytes.count + 9) }, .malformed, "overlap"
      ),
      ({ $0.entries[2].listedOffset = 0 }, .malformed, "is not where its directory says"),
      ({ $0.entries[2].listedOffset = 4_000_000 }, .malformed, "would end beyond the file's"),
      ({ $0.entries[2].listedName = "model/data/1" }, .malformed, "is not where its directory"),
      ({ $0.entries.append($0.entries[2]) }, .malformed, "model/data/0 stands twice"),
      ({ $0.entryCount = 3 }, .malformed, "its directory is damaged"),
      ({ $0.entryCount = 5 }, .malformed, "its directory is damaged"),
      ({ $0.entryCount = .max }, .malformed, "claims 18446744073709551615 entries"),
      ({ $0.comment = [1, 2, 3] }, .malformed, "does not end with a directory"),
      ({ $0.entries[0].name = "model/other" }, .malformed, "holds 0 pickles"),
      (
        { $0.entries.append(WrittenZipEntry(name: "b/data.pkl", bytes: [])) }, .malformed,
        "2 pickles"
      ),
      ({ $0.entries[1].bytes = Array("big".utf8) }, .unsupported, "not little-endian"),
    ] {
      let error = try #require(changed(change), "\(what)")
      #expect(error.code == code && error.message.contains(what), "\(error)")
    }
  }

  @Test("PyTorch's older format and pointers to files say what to do")
  func others() throws {
    let old = problem([0x80, 2, 0x8A, 10] + Array("legacy".utf8))
    #expect(old?.code == .unsupported && old?.remedy.contains("save it anew") == true)
    let pointer = problem(Array("version https://git-lfs.github.com/spec/v1\noid sha256:".utf8))
    #expect(pointer?.code == .malformed && pointer?.remedy.contains("pointer") == true)
  }
}
