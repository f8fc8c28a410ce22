/// The API's description, held against what is routed.

import Foundation
import HTTPTypes
import Testing

@testable import Gateway

@Suite("/openapi.json")
struct DescriptionTests {
  private func document() async throws -> [String: Any] {
    try await APIClient(FakeCluster("x")).send(.get, "/openapi.json").object
  }

  @Test("each documented path and method is routed, and each endpoint documented")
  func paths() async throws {
    let document = try await document()
    let paths = try #require(document["paths"] as? [String: [String: Any]])
    let documented = Set(paths.flatMap { path, methods in methods.keys.map { "\($0) \(path)" } })
    let routed = Set(
      Endpoint.allCases.map { "\($0.method.rawValue.lowercased()) \($0.path)" })
    #expect(documented == routed)
    let client = try APIClient(FakeCluster("x"))
    for endpoint in Endpoint.allCases where !endpoint.path.contains("{id}") {
      let path = endpoint.path.replacing("{model}", with: "mini")
      let answer = try await client.send(endpoint.method, path, body: "")
      #expect(![404, 405, 500].contains(answer.status), "\(path): \(answer.status)")
      let other: HTTPRequest.Method = endpoint.method == .get ? .put : .get
      let refused = try await client.send(other, path)
      #expect(refused.status == 405 && refused.headers[.allow] != nil)
    }
  }

  @Test("references lead somewhere, and key requirements are told")
  func references() async throws {
    let document = try await document()
    func check(_ value: Any) {
      if let list = value as? [Any] { list.forEach(check) }
      guard let object = value as? [String: Any] else { return }
      if let reference = object["$ref"] as? String {
        let target = reference.dropFirst(2).split(separator: "/").reduce(document as Any?) {
          ($0 as? [String: Any])?[String($1)]
        }
        #expect(target != nil, "\(reference)")
      }
      object.values.forEach(check)
    }
    check(document)
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    for endpoint in Endpoint.allCases {
      let operation = paths[endpoint.path]?[endpoint.method.rawValue.lowercased()]
      let security = try #require(operation?["security"] as? [[String: Any]])
      #expect(security.contains { $0["key"] != nil } == endpoint.needsKey, "\(endpoint)")
    }
  }

  @Test("the fields of a cluster's status are those that are documented")
  func clusterStatus() async throws {
    let document = try await document()
    let schemas = try #require(
      (document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]])
    let status = try await APIClient(FakeCluster("x")).send(.get, "/cluster").object
    // Absent before anything was interrupted, until it is over, and where nothing was sent once more.
    let optional: Set = ["last_interruption", "seconds", "rebuilt_positions"]
    func compare(_ value: Any, _ schema: [String: Any], _ path: String) {
      if let list = value as? [Any], let items = schema["items"] as? [String: Any] {
        for item in list { compare(item, items, path + "[]") }
      }
      guard let object = value as? [String: Any] else { return }
      let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
      #expect(Set(object.keys) == Set(properties.keys), "\(path)")
      let required = Set(schema["required"] as? [String] ?? [])
      #expect(required == Set(properties.keys).subtracting(optional), "\(path)")
      for (key, value) in object { compare(value, properties[key] ?? [:], "\(path).\(key)") }
    }
    compare(status, try #require(schemas["ClusterStatus"]), "")
  }
}
