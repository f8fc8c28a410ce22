/// What a journal promises.

import Foundation
import Testing

@testable import Journal

@Suite("the journal")
struct JournalTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "chatspot-journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func path(_ name: String = "journal") -> String { folder.appending(path: name).path }

  private func entry(_ id: String, images: [[UInt8]] = []) -> JournalEntry {
    JournalEntry(
      id: id, accepted: 100, request: Array("how".utf8), queries: [[1, 2], [3]], images: images)
  }

  /// What a process would find that came after one killed at this moment.
  private func afterCrash(_ name: String) throws -> Journal {
    for end in ["", "-wal"] where FileManager.default.fileExists(atPath: path() + end) {
      try FileManager.default.copyItem(atPath: path() + end, toPath: path(name) + end)
    }
    return try Journal(JournalSettings(path: path(name)))
  }

  @Test("what was accepted, and what was answered, is there after a crash at any point")
  func crashes() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let journal = try Journal(JournalSettings(path: path()))
    #expect(try await afterCrash("new").unfinished().isEmpty)
    let first = entry("a", images: [[7, 7], [8]])
    try await journal.accept(first)
    let accepted = try afterCrash("accepted")
    #expect(try await accepted.unfinished() == ["a"])
    #expect(try await accepted.entry("a") == first)
    #expect(try await accepted.state(of: "a", now: 100) == .unfinished(request: first.request))
    try await journal.accept(entry("b"))
    try await journal.end("a", status: 200, body: [9], now: 101)
    let ended = try afterCrash("ended")
    #expect(try await ended.unfinished() == ["b"])
    #expect(try await ended.state(of: "a", now: 102) == .ended(status: 200, body: [9]))
    #expect(try await ended.entry("a") == nil)
    // A second end, of somebody who asked again, changes nothing.
    try await journal.end("a", status: 500, body: [], now: 103)
    #expect(try await journal.state(of: "a", now: 103) == .ended(status: 200, body: [9]))
    try await journal.forget("b")
    let forgotten = try afterCrash("forgotten")
    #expect(try await forgotten.state(of: "b", now: 103) == nil)
    #expect(try await forgotten.unfinished().isEmpty)
  }

  @Test("an image is stored once, and for as long as a request that shows it is unfinished")
  func images() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let journal = try Journal(JournalSettings(path: path()))
    let image = [UInt8](repeating: 5, count: 100_000)
    try await journal.accept(entry("a", images: [image, image]))
    try await journal.accept(entry("b", images: [image]))
    #expect(try await journal.imageCount() == 1)
    try await journal.end("a", status: 200, body: [], now: 1)
    #expect(try await journal.entry("b")?.images == [image])
    try await journal.end("b", status: 200, body: [], now: 1)
    #expect(try await journal.imageCount() == 0)
  }

  @Test("what has ended is kept for a time and up to a number; what has not is kept")
  func retention() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = JournalSettings(path: path())
    settings.keepSeconds = 10
    settings.entriesMax = 3
    let journal = try Journal(settings)
    try await journal.accept(entry("open"))
    for number in 0..<5 {
      try await journal.accept(entry("\(number)"))
      try await journal.end("\(number)", status: 200, body: [], now: Double(number))
    }
    var kept: [String] = []
    for number in 0..<5 where try await journal.state(of: "\(number)", now: 5) != nil {
      kept.append("\(number)")
    }
    #expect(kept == ["2", "3", "4"])
    #expect(try await journal.state(of: "2", now: 12.5) == nil)
    try await journal.prune(now: 100)
    #expect(try await journal.state(of: "4", now: 5) == nil)
    #expect(try await journal.unfinished() == ["open"])
  }

  @Test("a full disk is an error, and what was there before stays readable")
  func full() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = JournalSettings(path: path())
    settings.pagesMax = 40
    let journal = try Journal(settings)
    try await journal.accept(entry("small"))
    let error = await #expect(throws: JournalError.self) {
      try await journal.accept(entry("large", images: [[UInt8](repeating: 1, count: 1 << 20)]))
    }
    #expect(error?.code == .notWritten && error?.message.contains("full") == true)
    #expect(try await journal.state(of: "large", now: 1) == nil)
    #expect(try await journal.unfinished() == ["small"])
    try await journal.end("small", status: 200, body: [1], now: 1)
  }

  @Test("others cannot read it, and what is no journal is refused")
  func files() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let journal = try Journal(JournalSettings(path: path()))
    try await journal.accept(entry("a"))
    for end in ["", "-wal"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: path() + end)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    try Data("this is a text and no database, however long it may be".utf8)
      .write(to: URL(filePath: path("text")))
    for name in ["text", "missing/journal"] {
      let error = #expect(throws: JournalError.self) {
        try Journal(JournalSettings(path: path(name)))
      }
      #expect(error?.code == .notOpened, "\(String(describing: error))")
    }
  }
}
