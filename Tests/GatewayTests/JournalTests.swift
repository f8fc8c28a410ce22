/// Requests that are journalled, and fetched afterwards.

import Coordinator
import Foundation
import HTTPTypes
import Journal
import Logging
import Synchronization
import Testing
import Wire

@testable import Gateway

@Suite("journalled requests", .timeLimit(.minutes(5)))
struct JournalTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "chatspot-journal-\(UUID().uuidString)").path

  private func removeFiles() {
    for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) }
  }

  private func client(_ cluster: FakeCluster, pagesMax: Int? = nil) throws -> APIClient {
    var settings = JournalSettings(path: path)
    settings.pagesMax = pagesMax
    return try APIClient(cluster, journal: try Journal(settings))
  }

  private static let request =
    #"{"seed": 5, "temperature": 1, "messages": [{"role": "user", "content": ["#
    + Picture.part() + #", {"type": "text", "text": "What?"}]}]"#

  @Test("an answer is fetched by its id, byte for byte, by the path of its kind only")
  func fetched() async throws {
    defer { removeFiles() }
    let client = try client(FakeCluster("a red", " ring"))
    let answer = try await client.chat(Self.request + "}")
    let id = try #require(try answer.object["id"] as? String)
    let fetched = try await client.send(.get, "/v1/chat/completions/\(id)")
    #expect(fetched.status == 200 && fetched.text == answer.text)
    let events = try await client.chat(Self.request + #", "stream": true}"#).events()
    let streamed = try #require(events[0]["id"] as? String)
    let whole = try await client.send(.get, "/v1/chat/completions/\(streamed)")
    #expect(whole.status == 200 && whole.text.contains("a red ring"))
    for path in ["/v1/completions/\(id)", "/v1/chat/completions/chatcmpl-0"] {
      let unknown = try await client.send(.get, path)
      #expect(try unknown.status == 404 && unknown.error("code") == "completion_not_found")
    }
    let text = try await client.post("/v1/completions", #"{"prompt": "x", "echo": true}"#)
    let textID = try #require(try text.object["id"] as? String)
    #expect(try await client.send(.get, "/v1/completions/\(textID)").text == text.text)
  }

  @Test("what a process left unfinished is in progress, and the next one finishes it with its seed")
  func resumed() async throws {
    defer { removeFiles() }
    let silent = FakeCluster { _, _ in }
    let first = try client(silent)
    let asking = Task { try await first.chat(Self.request + "}") }
    while silent.asked.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    let journal = try #require(first.api.journal)
    let id = try #require(try await journal.journal.unfinished().first)
    let pending = try await first.send(.get, "/v1/chat/completions/\(id)")
    #expect(try pending.status == 202 && pending.object["status"] as? String == "in_progress")
    // The process that ends leaves it to the next one.
    first.api.running.stop()
    first.api.running.end(.stopping)
    _ = try await asking.value
    let cluster = FakeCluster("a ring")
    let second = try client(cluster)
    await second.api.journal?.resume(cluster)
    let fetched = try await second.send(.get, "/v1/chat/completions/\(id)")
    #expect(try fetched.status == 200 && fetched.object["id"] as? String == id)
    #expect(fetched.text.contains("a ring"))
    #expect(cluster.asked == silent.asked && !cluster.asked[0].images[0].isEmpty)
    #expect(try await second.api.journal?.journal.unfinished().isEmpty == true)
  }

  @Test("who hangs up ends the queries, and nothing is kept, unless they are to be stored")
  func hangUps() async throws {
    defer { removeFiles() }
    for stores in [false, true] {
      let held = Mutex<FakeCluster.Continuation?>(nil)
      let cluster = FakeCluster { _, continuation in held.withLock { $0 = continuation } }
      let client = try client(cluster)
      let journal = try #require(client.api.journal)
      let asking = Task { try await client.chat(Self.request + #", "store": \#(stores)}"#) }
      while cluster.asked.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
      let id = try #require(try await journal.journal.unfinished().first)
      client.api.running.end(.hungUp)
      #expect(try await asking.value.status == 499)
      let continuation = try #require(held.withLock { $0 })
      if stores {
        continuation.yield(.answer(FakeCluster.answer("a ring")))
        continuation.finish()
      }
      for _ in 0..<1000 where try await !journal.journal.unfinished().isEmpty {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(cluster.cancelled == (stores ? 0 : 1))
      let fetched = try await client.send(.get, "/v1/chat/completions/\(id)")
      #expect(fetched.status == (stores ? 200 : 404))
    }
  }

  @Test("with a full disk, who wants an answer stored is told so; others are answered")
  func full() async throws {
    defer { removeFiles() }
    let client = try client(FakeCluster("a ring"), pagesMax: 16)
    let large = String(repeating: "word ", count: 40_000)
    let begin = #"{"messages": [{"role": "user", "content": "\#(large)"}]"#
    #expect(try await client.chat(begin + "}").status == 200)
    let refused = try await client.chat(begin + #", "store": true}"#)
    #expect(try refused.status == 507 && refused.error("code") == "not_stored")
    #expect(
      try await client.send(.get, "/metrics").text.contains("chatspot_journal_errors_total 2"))
  }
}
