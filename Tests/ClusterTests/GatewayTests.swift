/// The HTTP gateway of a real cluster.

import Foundation
import FoundationNetworking
import Testing

@Suite("the gateway of a real cluster", .serialized, .timeLimit(.minutes(5)))
struct GatewayTests {
  private static let samples = Program.resources.appending(path: "samples")

  /// Runs `up` with its gateway until the test ends.
  private func up(
    _ arguments: [String] = [], _ test: (_ url: String, _ up: RunningProgram) async throws -> Void
  ) async throws {
    let up = try RunningProgram(
      ["up", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "error"] + arguments)
    do {
      let url = try await up.line("http ")
      _ = try await up.line("ready")
      try await test(url, up)
    } catch {
      up.signal(SIGTERM)
      _ = await up.end()
      throw error
    }
    up.signal(SIGTERM)
    #expect(await up.end() == 0)
  }

  private func post(
    _ url: String, _ body: [String: Any]
  ) async throws -> (status: Int, body: Data) {
    var request = URLRequest(url: try #require(URL(string: url)))
    request.httpMethod = "POST"
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    let (data, response) = try await URLSession.shared.data(for: request)
    return (try #require(response as? HTTPURLResponse).statusCode, data)
  }

  private func get(_ url: String) async throws -> (status: Int, text: String) {
    let (data, response) = try await URLSession.shared.data(from: try #require(URL(string: url)))
    return (
      try #require(response as? HTTPURLResponse).statusCode, String(decoding: data, as: UTF8.self)
    )
  }

  private func question(
    _ text: String, region: [String: Any]?, of picture: String = "scene-03.png"
  ) throws -> [String: Any] {
    let file = try Data(contentsOf: Self.samples.appending(path: picture))
    let url = "data:image/png;base64," + file.base64EncodedString()
    var parts: [[String: Any]] = [
      ["type": "image_url", "image_url": ["url": url]], ["type": "text", "text": text],
    ]
    if let region { parts.append(["type": "region", "region": region]) }
    return ["messages": [["role": "user", "content": parts]], "temperature": 0, "max_tokens": 32]
  }

  private func message(_ body: Data) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: body) as? [String: Any]
    let choice = try #require((object?["choices"] as? [[String: Any]])?.first)
    return try #require(choice["message"] as? [String: Any])
  }

  @Test("questions about a box, a point and a name are answered; a found region is in pixels")
  func questions() async throws {
    try await up { url, _ in
      let chat = url + "/v1/chat/completions"
      for region: [String: Any] in [
        ["box": [340, 262, 578, 500]], ["point": [0.549, 0.567], "units": "norm"],
      ] {
        let answer = try await post(
          chat, try question("What is at <region>?", region: region))
        #expect(answer.status == 200)
        #expect(try message(answer.body)["content"] as? String == "a large red ring")
      }
      let answer = try await post(chat, try question("Locate the red ring.", region: nil))
      let regions = try #require(try message(answer.body)["regions"] as? [[String: Any]])
      let box = try #require(regions.first?["box"] as? [Double])
      for (edge, truth) in zip(box, [340.0, 262, 578, 500]) { #expect(abs(edge - truth) < 20) }
    }
  }

  @Test("status, health, measurements and the page tell of the cluster")
  func status() async throws {
    try await up { url, up in
      #expect(try await get(url + "/live").status == 200)
      #expect(try await get(url + "/ready").status == 200)
      let page = try await get(url + "/")
      #expect(page.status == 200 && page.text.contains("<html"))
      #expect(try await get(url + "/samples/samples.json").status == 200)
      let answer = try await post(
        url + "/v1/chat/completions",
        try question("What is at <region>?", region: ["box": [340, 262, 578, 500]]))
      #expect(answer.status == 200)
      let table = try await Program.run(["status", "--url", url])
      #expect(table.status == 0, "\(table.errors)")
      for part in ["mini-chatspot: ready", "worker-1", "worker-2", "vision", "0–1", "2–3"] {
        #expect(table.output.contains(part), "\(part) in \(table.output)")
      }
      let json = try await Program.run(["status", "--url", url, "--json"])
      #expect(json.output == (try await get(url + "/cluster").text) + "\n" || json.status == 0)
      let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
      #expect((object?["stages"] as? [Any])?.count == 2 && object?["ready"] as? Bool == true)
      let measured = try await get(url + "/metrics").text
      #expect(measured.contains("chatspot_http_requests_total{"))
      #expect(measured.contains("chatspot_time_to_first_token_seconds_count 1"))
      let children = up.children
      #expect(children.count == 4)
    }
    let nothing = try await Program.run(["status", "--url", "http://127.0.0.1:1"])
    #expect(nothing.status == 1 && nothing.errors.contains("chatspot up"), "\(nothing.errors)")
  }

  /// Waits until a query is being answered.
  private func isRunning(_ url: String) async throws {
    for _ in 0..<500 {
      if try await get(url + "/cluster").text.contains("\"running\":1") { return }
    }
    Issue.record("no query runs")
  }

  @Test("beyond the most queries the answer is 429; a client that hangs up makes room")
  func overloaded() async throws {
    try await up(["--queries", "1"]) { url, _ in
      let completions = url + "/v1/completions"
      let long: [String: Any] = ["prompt": "What", "max_tokens": 2000, "ignore_eos": true]
      let short: [String: Any] = ["prompt": "What", "max_tokens": 1]
      let busy = Task { try await post(completions, long) }
      try await isRunning(url)
      #expect(try await post(completions, short).status == 429)
      busy.cancel()
      var answered = false
      for _ in 0..<100 where !answered {
        answered = try await post(completions, short).status == 200
      }
      #expect(answered)
      let status = try await get(url + "/cluster").text
      #expect(status.contains("\"running\":0,\"waiting\":0"), "\(status)")
    }
  }

  @Test("Ctrl-C lets an answer under way come to its end")
  func graceful() async throws {
    try await up { url, up in
      async let answer = post(
        url + "/v1/completions", ["prompt": "What", "max_tokens": 120, "ignore_eos": true])
      try await isRunning(url)
      // As a terminal does it: to the program and to all that it started.
      for process in up.children + [up.processID] { kill(process, SIGINT) }
      let (status, body) = try await answer
      #expect(status == 200)
      let object = try JSONSerialization.jsonObject(with: body) as? [String: Any]
      #expect((object?["usage"] as? [String: Any])?["completion_tokens"] as? Int == 120)
    }
  }

  @Test("a port in use ends the program with what to do about it")
  func portInUse() async throws {
    try await up { url, _ in
      let port = try #require(URL(string: url)?.port)
      let second = try await Program.run([
        "coordinator", "--listen", "tcp://127.0.0.1:0", "--port", "\(port)",
      ])
      #expect(second.status == 1, "\(second.output)")
      #expect(second.errors.contains("in use") && second.errors.contains("--port"))
    }
  }

  @Test(
    "what is not safe, or not there, is refused before anything starts",
    arguments: [
      (["--host", "0.0.0.0"], "--api-keys"), (["--tls-key", "k.pem"], "belong together"),
      (["--tls-certificate", "/nowhere.pem", "--tls-key", "/nowhere.pem"], "/nowhere.pem"),
      (["--api-keys", "/nowhere"], "cannot be read"), (["--cors-origin", "x"], "no origin"),
      (["--port", "70000"], "0 to 65535"),
    ])
  func refused(arguments: [String], reason: String) async throws {
    let run = try await Program.run(["up", "--listen", "tcp://127.0.0.1:0"] + arguments)
    #expect(run.status != 0 && !run.output.contains("ready"), "\(run.output)")
    #expect(run.errors.contains(reason), "\(run.errors)")
  }

  @Test("when nothing can be computed yet, queries are refused with 503 and a reason")
  func notReady() async throws {
    let coordinator = try RunningProgram([
      "coordinator", "--listen", "tcp://127.0.0.1:0", "--port", "0", "--log-level", "error",
    ])
    let url = try await coordinator.line("http ")
    #expect(try await get(url + "/live").status == 200)
    let ready = try await get(url + "/ready")
    #expect(ready.status == 503 && ready.text.contains("decoder worker"))
    let refused = try await post(
      url + "/v1/chat/completions", ["messages": [["role": "user", "content": "What?"]]])
    #expect(refused.status == 503)
    coordinator.signal(SIGTERM)
    #expect(await coordinator.end() == 0)
  }
}
