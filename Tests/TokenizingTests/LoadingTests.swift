/// Loading a checkpoint's tokeniser: what is found, and what is refused with which words.
import Foundation
import Testing

@testable import Tokenizing

@Suite("loading")
struct LoadingTests {
  private func code(
    model: [UInt8]? = nil, files: [String: String] = [:]
  ) throws -> TokenizingError.Code? {
    try Fixtures.withCheckpoint(model: model, files: files) {
      directory -> TokenizingError.Code? in
      do throws(TokenizingError) {
        _ = try Tokenizer(directory: directory)
        return nil
      } catch { return error.code }
    }
  }

  @Test("ids, names and sizes of mini-chatspot")
  func loadsMini() throws {
    let tokenizer = try Fixtures.tokenizer("mini")
    #expect(tokenizer.vocabularySize == 822)
    #expect(tokenizer.beginningOfSequence == 1)
    #expect(tokenizer.endOfSequence == 2)
    #expect(tokenizer.unknown == 0)
    #expect(tokenizer.id(of: "<image>") == 820)
    #expect(tokenizer.id(of: "<pad>") == 821)
    #expect(tokenizer.id(of: "<0x0A>") == 13)
    #expect(tokenizer.text(of: 820) == "<image>")
    #expect(tokenizer.isControl(820))
    #expect(!tokenizer.isControl(13))
    #expect(!tokenizer.prefixesEverySegment)
    for id in 0..<Int32(tokenizer.vocabularySize) {
      #expect(tokenizer.text(of: id).flatMap(tokenizer.id) == id)
    }
  }

  @Test("canonically equal spellings are different tokens")
  func tellsSpellingsApart() throws {
    let tokenizer = try Fixtures.tokenizer("legacy")
    #expect(tokenizer.id(of: "é") != nil)
    #expect(tokenizer.id(of: "e\u{301}") == nil)
  }

  @Test("without tokenizer.json, `legacy` and `add_prefix_space` decide; absent means legacy")
  func readsTheConfiguration() throws {
    func rules(_ configuration: String?) throws -> TextRules {
      try Fixtures.withCheckpoint(
        model: Fixtures.model("legacy"),
        files: configuration.map { ["tokenizer_config.json": $0] } ?? [:]
      ) { try Tokenizer(directory: $0).rules }
    }
    let legacy = TextRules(prefix: .everySegment, isNormalizer: true, stripsLeadingSpace: true)
    #expect(try rules(nil) == legacy)
    #expect(try rules("{}") == legacy)
    #expect(try rules("{\"legacy\": null, \"add_prefix_space\": null}") == legacy)
    #expect(try rules("{\"legacy\": false}").prefix == .firstSegment)
    #expect(
      try rules("{\"add_prefix_space\": false}")
        == TextRules(prefix: .never, isNormalizer: true, stripsLeadingSpace: false))
  }

  @Test("a missing model says where and what is needed")
  func reportsAMissingModel() throws {
    try Fixtures.withCheckpoint(files: ["tokenizer.json": "{}"]) { directory in
      let error = #expect(throws: TokenizingError.self) { try Tokenizer(directory: directory) }
      #expect(error?.code == .fileMissing)
      #expect(error?.description.contains(directory.path(percentEncoded: false)) == true)
      #expect(error?.description.contains("SentencePiece tokenizer.model") == true)
    }
  }

  @Test("what is no model is refused")
  func refusesOtherFiles() throws {
    #expect(try code(model: []) == .malformedModel)
    #expect(try code(model: Array("version https://git-lfs".utf8)) == .malformedModel)
    #expect(try code(model: Array(repeating: 0xFF, count: 4096)) == .malformedModel)
    #expect(try code(model: Array(repeating: 0, count: 4096)) == .malformedModel)
    let large = [UInt8](repeating: 0x0A, count: TokenizingLimits.modelBytesMax + 1)
    #expect(try code(model: large) == .limitExceeded)
    let isDirectory = try Fixtures.withCheckpoint { directory in
      try FileManager.default.createDirectory(
        at: directory.appending(path: "tokenizer.model"), withIntermediateDirectories: true)
      return #expect(throws: TokenizingError.self) { try Tokenizer(directory: directory) }?.code
    }
    #expect(isDirectory == .fileUnreadable)
  }

  @Test("a linked model is followed")
  func followsLinks() throws {
    try Fixtures.withCheckpoint { directory in
      try FileManager.default.createSymbolicLink(
        at: directory.appending(path: "tokenizer.model"),
        withDestinationURL: Fixtures.folder.appending(path: "mini/tokenizer.model"))
      #expect(try Tokenizer(directory: directory).vocabularySize == 820)
    }
  }

  @Test(
    "JSON that contradicts the model or its own format is refused",
    arguments: [
      ("added_tokens.json", "{", TokenizingError.Code.malformedFile),
      ("added_tokens.json", "[]", .malformedFile),
      ("added_tokens.json", "{\"<x>\": 1.5}", .malformedFile),
      ("added_tokens.json", "{\"<x>\": -1}", .malformedFile),
      ("added_tokens.json", "{\"<x>\": 1e300}", .malformedFile),
      ("added_tokens.json", "{\"<x>\": 5}", .inconsistentVocabulary),
      ("added_tokens.json", "{\"</s>\": 900}", .inconsistentVocabulary),
      ("added_tokens.json", "{\"<x>\": 900, \"<y>\": 900}", .inconsistentVocabulary),
      ("added_tokens.json", "{\"<0x0A>\": 13}", .inconsistentVocabulary),
      (
        "tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"<x>\"}}}",
        .malformedFile
      ),
      ("tokenizer_config.json", "{\"added_tokens_decoder\": {\"900\": 7}}", .malformedFile),
      ("tokenizer.json", "{\"added_tokens\": [{\"content\": \"<x>\"}]}", .unsupportedModel),
      ("tokenizer.json", "{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}}", .unsupportedModel),
      ("special_tokens_map.json", "7", .malformedFile),
    ])
  func refusesContradictions(name: String, content: String, expected: TokenizingError.Code) throws {
    #expect(try code(model: Fixtures.model("mini"), files: [name: content]) == expected)
  }
}
