/// The fixtures that Tests/Oracle/make_tokenizing_fixtures.py makes.
import Foundation

@testable import Tokenizing

enum Fixtures {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures")

  struct Encoding: Decodable {
    let text: String
    /// Ids with added tokens recognised.
    let split: [Int32]
    /// Ids at the start of a prompt with none recognised.
    let plain: [Int32]?
    /// Ids after a special token, with none recognised.
    let rest: [Int32]?
  }

  struct Decoding: Decodable {
    let ids: [Int32]
    let text: String
  }

  struct Cases: Decodable {
    let encode: [Encoding]
    let decode: [Decoding]
  }

  struct Golden: Decodable {
    let prompt: String
    let images: Int
    let ids: [Int32]
  }

  struct Precedence: Decodable {
    struct Token: Decodable {
      let id: Int32
      let content: String
      let special, normalized, lstrip, rstrip, singleWord: Bool
    }
    let name: String
    let files: [String: String]
    let added: [Token]
  }

  static func load<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws
    -> Value
  {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: name)))
  }

  static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(directory: folder.appending(path: name))
  }

  static func model(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: "\(name)/tokenizer.model")))
  }

  /// Runs `body` on a temporary checkpoint directory that holds just these files.
  static func withCheckpoint<Value>(
    model: [UInt8]? = nil, files: [String: String] = [:], _ body: (URL) throws -> Value
  ) throws -> Value {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "tokenizing-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    if let model { try Data(model).write(to: directory.appending(path: "tokenizer.model")) }
    for (name, content) in files {
      try Data(content.utf8).write(to: directory.appending(path: name))
    }
    return try body(directory)
  }
}

/// SplitMix64, so that random tests are the same every time.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
