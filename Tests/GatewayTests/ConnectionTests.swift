/// Clients that hang up, dawdle or do not read, and a gateway that stops.

import Coordinator
import Foundation
import Logging
import Testing
import Wire

@testable import Gateway

@Suite("connections", .timeLimit(.minutes(5)))
struct ConnectionTests {
  /// Begins an answer and never ends it.
  private static func endless() -> FakeCluster {
    FakeCluster { _, continuation in continuation.yield(.text("begun", [])) }
  }

  private static var standard: GatewaySettings {
    var settings = GatewaySettings()
    settings.port = 0
    settings.graceSeconds = 0.2
    return settings
  }

  private func settings(
    _ field: WritableKeyPath<GatewaySettings, Int>, _ value: Int
  ) -> GatewaySettings {
    var settings = Self.standard
    settings[keyPath: field] = value
    return settings
  }

  private func running(
    _ cluster: FakeCluster, with settings: GatewaySettings = standard,
    _ test: (_ port: Int) async throws -> Void
  ) async throws {
    let gateway = try Gateway(
      cluster: cluster, text: .fake, settings: settings, metrics: PrometheusRegistry(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let url = try #require(URL(string: try await gateway.start()))
    do { try await test(try #require(url.port)) } catch {
      await gateway.stop()
      throw error
    }
    await gateway.stop()
  }

  private static func request(_ body: String, headers: String = "") -> String {
    "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n\(headers)"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private func becomes(_ condition: () -> Bool) async throws -> Bool {
    for _ in 0..<6000 where !condition() { try await Task.sleep(for: .milliseconds(10)) }
    return condition()
  }

  @Test("a client that hangs up cancels its queries, streamed or not", arguments: [true, false])
  func hangUp(streams: Bool) async throws {
    let cluster = Self.endless()
    try await running(cluster) { port in
      let connection = try await RawConnection(port: port)
      try await connection.send(
        Self.request(#"{"prompt": "x", "n": 2, "stream": \#(streams)}"#))
      if streams { #expect(try await connection.receives("begun")) }
      #expect(try await becomes { cluster.asked.count == 2 })
      #expect(cluster.cancelled == 0)
      try await connection.close()
      #expect(try await becomes { cluster.cancelled == 2 })
    }
  }

  @Test("a client that stops reading is cut off")
  func stalledReader() async throws {
    let cluster = FakeCluster { query, continuation in
      // More than the buffers of both ends hold, in few pieces: each costs turns of busy threads.
      let text = String(repeating: "x", count: 1 << 22)
      for _ in 0..<4 { continuation.yield(.text(text, [])) }
    }
    try await running(cluster, with: settings(\.transferSeconds, 1)) { port in
      // Where other tests keep the processors, a body itself may take more than the second that it
      // has, and its query is never asked.
      var readers: [RawConnection] = []
      for _ in 0..<30 where cluster.cancelled == 0 {
        let connection = try await RawConnection(port: port)
        readers.append(connection)
        try await connection.stopReading()
        try? await connection.send(Self.request(#"{"prompt": "x", "stream": true}"#))
        for _ in 0..<500 where cluster.cancelled == 0 {
          try await Task.sleep(for: .milliseconds(10))
        }
      }
      #expect(cluster.cancelled > 0, "of \(readers.count) readers, \(cluster.asked.count) asked")
    }
  }

  @Test("a body that trickles in is given up, and the connection closed")
  func slowBody() async throws {
    try await running(FakeCluster("x"), with: settings(\.transferSeconds, 1)) { port in
      let connection = try await RawConnection(port: port)
      try await connection.send(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
      let dripping = Task {
        while true {
          try await Task.sleep(for: .milliseconds(100))
          try await connection.send(" ")
        }
      }
      #expect(await connection.received().hasPrefix("HTTP/1.1 408 "))
      dripping.cancel()
    }
  }

  @Test("a connection that says nothing, or only part of a head, is closed")
  func idle() async throws {
    try await running(FakeCluster("x"), with: settings(\.idleSeconds, 1)) { port in
      let silent = try await RawConnection(port: port)
      let slow = try await RawConnection(port: port)
      // On a busy machine it may be closed already.
      try? await slow.send("GET /live HTTP/1.1\r\nX-")
      #expect(await silent.received().isEmpty)
      #expect(await !slow.received().contains("200"))
    }
  }

  @Test("a head that is too large is refused")
  func largeHead() async throws {
    try await running(FakeCluster("x")) { port in
      let connection = try await RawConnection(port: port)
      try await connection.send("GET /live HTTP/1.1\r\nHost: localhost\r\n")
      for number in 0..<40 {
        try? await connection.send("X-\(number): \(String(repeating: "x", count: 2000))\r\n")
      }
      try? await connection.send("\r\n")
      #expect(await !connection.received().contains(" 200 "))
    }
  }

  @Test("a request that is too large is refused while it is still being sent")
  func largeBody() async throws {
    try await running(FakeCluster("x"), with: settings(\.bodyBytesMax, 10_000)) { port in
      let connection = try await RawConnection(port: port)
      try await connection.send(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "3e8\r\n\(String(repeating: " ", count: 1000))\r\n"
      for _ in 0..<50 { try? await connection.send(chunk) }
      #expect(await connection.received().hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test("a client that waits for leave to send its body gets it")
  func expect() async throws {
    try await running(FakeCluster("red")) { port in
      let connection = try await RawConnection(port: port)
      let body = #"{"prompt": "x"}"#
      try await connection.send(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
          + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
      #expect(try await connection.receives("HTTP/1.1 100 Continue\r\n"))
      try await connection.send(body)
      let answer = await connection.received()
      #expect(answer.contains("HTTP/1.1 200 OK") && answer.contains("red"))
    }
  }

  @Test("one connection takes many requests, one after the other, and several at once")
  func keepAlive() async throws {
    try await running(FakeCluster("red")) { port in
      let connection = try await RawConnection(port: port)
      for stream in ["false", "true", "false"] {
        try await connection.send(Self.request(#"{"prompt": "x", "stream": \#(stream)}"#))
      }
      try await connection.send(
        Self.request(#"{"prompt": "x", "stream": 3}"#, headers: "Connection: close\r\n"))
      let answers = await connection.received().components(separatedBy: "HTTP/1.1 ").dropFirst()
      #expect(answers.map { $0.prefix(3) } == ["200", "200", "200", "400"])
    }
  }

  @Test("a gateway that stops lets answers end, then ends them with an error, and asks no more")
  func stopping() async throws {
    let cluster = Self.endless()
    var settings = GatewaySettings()
    settings.port = 0
    settings.graceSeconds = 0.3
    let gateway = try Gateway(
      cluster: cluster, text: .fake, settings: settings, metrics: PrometheusRegistry(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let port = try #require(URL(string: try await gateway.start())?.port)
    let (busy, idle) = (try await RawConnection(port: port), try await RawConnection(port: port))
    try await busy.send(Self.request(#"{"prompt": "x", "stream": true}"#))
    #expect(try await busy.receives("begun"))
    let begin = ContinuousClock.now
    async let stopped: Void = gateway.stop()
    #expect(await idle.received().isEmpty)
    let answer = await busy.received()
    await stopped
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    // The upper bound is for machines that are busy with other tests.
    #expect((0.3...20).contains(seconds), "\(seconds)")
    #expect(answer.contains("the server is stopping") && answer.contains("[DONE]"))
    #expect(cluster.cancelled == 1)
    await #expect(throws: (any Error).self) { try await RawConnection(port: port) }
  }

  @Test("a port in use, and a host of another machine, are said with a remedy")
  func notListening() async throws {
    try await running(FakeCluster("x")) { port in
      for (host, port, remedy) in [
        ("127.0.0.1", port, "--port"), ("192.0.2.1", 0, "--host"), ("nowhere.invalid", 0, "--host"),
      ] {
        var settings = GatewaySettings()
        (settings.host, settings.port, settings.isInsecure) = (host, port, true)
        let gateway = try Gateway(
          cluster: FakeCluster("x"), text: .fake, settings: settings,
          metrics: PrometheusRegistry(),
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let error = await #expect(throws: GatewayError.self) { try await gateway.start() }
        #expect(error?.code == .notListening)
        #expect(error?.remedy.contains(remedy) == true, "\(error as Any)")
      }
    }
  }
}
