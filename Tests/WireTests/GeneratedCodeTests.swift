import Foundation
import Testing

@Suite("The committed C is what protoc-c makes of Protocols/")
struct GeneratedCodeTests {
  static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let committed = package.appending(path: "Sources/CChatSpotWire")

  static let protocC: URL? = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { URL(filePath: "\($0)/protoc-c") }
    .first { FileManager.default.isExecutableFile(atPath: $0.path) }

  /// Generated files by path, as `Protocols/generate` lays them out.
  private func generatedFiles(under folder: URL) throws -> [String: String] {
    var files: [String: String] = [:]
    for part in ["include/chatspot", "generated/chatspot"] {
      let root = folder.appending(path: part)
      for path in try FileManager.default.subpathsOfDirectory(atPath: root.path)
      where path.hasSuffix(".h") || path.hasSuffix(".c") {
        files["\(part)/\(path)"] = try String(
          contentsOf: root.appending(path: path), encoding: .utf8)
      }
    }
    return files
  }

  private func run(_ program: URL, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// The paths at which two generated sets differ. Sets of one version of protoc-c are compared to
  /// the letter, comments included; sets of different versions by what their descriptors say.
  private func differences(_ one: [String: String], _ other: [String: String]) -> [String] {
    let versions = [one, other].map {
      Set($0.values.compactMap { GeneratedCode($0).compilerVersion })
    }
    let sameCompiler = versions[0] == versions[1]
    return Set(one.keys).union(other.keys).sorted().filter { path in
      guard let text = one[path], let otherText = other[path] else { return true }
      if sameCompiler { return text != otherText }
      guard path.hasSuffix(".c") else { return false }
      let facts = GeneratedCode(text).facts
      return facts.isEmpty || facts != GeneratedCode(otherText).facts
    }
  }

  @Test("a fresh run gives the same C", .enabled(if: protocC != nil, "protoc-c is not installed"))
  func isCurrent() throws {
    let temporary = FileManager.default.temporaryDirectory
      .appending(path: "chatspot-wire-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: temporary) }
    let generate = Self.package.appending(path: "Protocols/generate")
    try #require(try run(generate, [temporary.path]) == 0)
    let committed = try generatedFiles(under: Self.committed)
    #expect(committed.count >= 14)
    #expect(
      try differences(committed, generatedFiles(under: temporary)) == [], "run Protocols/generate")
  }

  @Test("another protoc-c's spelling is no difference, another field is")
  func comparesContents() throws {
    let files = try generatedFiles(under: Self.committed)
    let path = "generated/chatspot/v1/step.pb-c.c"
    let source = try #require(files[path])

    let commented = files.merging([path: source + "/* more */"]) { $1 }
    #expect(differences(files, commented) == [path])

    let newer = files.mapValues {
      $0.replacing(/#elif \d+ </, with: "#elif 1005002 <")
        .replacing("0 | PROTOBUF_C", with: "PROTOBUF_C").replacing("    ", with: "\t")
        + "/* more */"
    }
    #expect(newer[path] != source)
    #expect(differences(files, newer) == [])
    for (old, new) in [
      ("\"token_ids\",\n\t4,", "\"token_ids\",\n\t14,"), ("\"kv_blocks\"", "\"kv_block_list\""),
      ("PROTOBUF_C_TYPE_UINT64", "PROTOBUF_C_TYPE_UINT32"),
      ("FIELD_FLAG_PACKED", "FIELD_FLAG_ONEOF"),
      ("&chatspot__v1__tensor__descriptor", "&chatspot__v1__span__descriptor"),
    ] {
      let changed = newer.merging([path: newer[path]!.replacing(old, with: new)]) { $1 }
      #expect(changed[path] != newer[path])
      #expect(differences(files, changed) == [path], "\(old)")
    }
  }
}
