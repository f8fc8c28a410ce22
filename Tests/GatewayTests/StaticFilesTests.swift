/// The page's files.

import HTTPTypes
import Testing

@testable import Gateway

@Suite("the page's files")
struct StaticFilesTests {
  @Test("the page comes with its type, a strict policy and a tag that saves sending it again")
  func page() async throws {
    let client = try APIClient(FakeCluster("x"))
    let page = try await client.send(.get, "/")
    #expect(page.status == 200 && page.text.hasPrefix("<!doctype html>"))
    #expect(page.headers[.contentType] == "text/html; charset=utf-8")
    let policy = try #require(page.headers[.contentSecurityPolicy])
    #expect(policy.hasPrefix("default-src 'none'; script-src 'self';"))
    #expect(!policy.contains("unsafe") && !policy.contains("http"))
    #expect(page.headers[.xContentTypeOptions] == "nosniff")
    let tag = try #require(page.headers[.eTag])
    for known in [tag, "\"x\", \(tag)", "W/\(tag)", "*"] {
      let again = try await client.send(.get, "/", headers: [.ifNoneMatch: known])
      #expect(again.status == 304 && again.text.isEmpty && again.headers[.eTag] == tag)
    }
    #expect(try await client.send(.get, "/", headers: [.ifNoneMatch: "\"x\""]).status == 200)
    let head = try await client.send(.head, "/")
    #expect(head.status == 200 && head.text.isEmpty)
    #expect(head.headers[.contentLength] == "\(page.text.utf8.count)")
  }

  @Test(
    "nothing outside the folder is served",
    arguments: [
      "/../openapi.json", "/..%2Fopenapi.json", "/%2e%2e/Gateway.swift", "/page/index.html", "//",
      "/etc/passwd", "/index.html/..", "/.",
    ])
  func outside(path: String) async throws {
    let answer = try await APIClient(FakeCluster("x")).send(.get, path)
    #expect(answer.status == 404 || answer.text.hasPrefix("<!doctype html>"), "\(path)")
    #expect(!answer.text.contains("openapi\": \"3") && !answer.text.contains("root:"))
  }
}
