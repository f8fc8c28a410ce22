/// Bad requests: status 400, and the field's name.

import HTTPTypes
import Testing

@testable import Gateway

@Suite("bad requests are refused with the name of the field")
struct RequestErrorTests {
  private static func chat(_ part: String, _ rest: String = "") -> String {
    #"{"messages": [{"role": "user", "content": [\#(Picture.part()), \#(part)]}]\#(rest)}"#
  }

  private static let question = #""messages": [{"role": "user", "content": "What?"}]"#

  @Test(
    "chat completions",
    arguments: [
      ("", nil, "not JSON"), ("{", nil, "not JSON"), ("[]", nil, "an object"),
      ("{}", "messages", "missing"), (#"{"messages": "x"}"#, "messages", "a list"),
      (#"{"messages": []}"#, "messages", "0 messages"),
      (#"{"messages": [{"content": "x"}]}"#, "messages[0].role", "missing"),
      (#"{"messages": [{"role": "tool", "content": "x"}]}"#, "messages[0].role", "tool"),
      (#"{"messages": [{"role": "user"}]}"#, "messages[0].content", "missing"),
      (#"{"messages": [{"role": "user", "content": 5}]}"#, "messages[0].content", "string or"),
      (
        #"{"messages": [{"role": "user", "content": [{"text": "x"}]}]}"#,
        "messages[0].content[0].type", "missing"
      ),
      (
        #"{"messages": [{"role": "user", "content": [{"type": "audio"}]}]}"#,
        "messages[0].content[0].type", "audio"
      ),
      (
        #"{"messages": [{"role": "assistant", "content": "x"}]}"#, "messages[0].role",
        "user must begin"
      ),
      (
        #"{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}"#,
        "messages", "must end"
      ),
      (
        #"{"messages": [{"role": "user", "content": "x"}, {"role": "system", "content": "y"}]}"#,
        "messages[1].role", "before"
      ),
      ("{\(question), \"temperature\": \"warm\"}", "temperature", "a number"),
      ("{\(question), \"temperature\": 2.5}", "temperature", "0.0 to 2.0"),
      ("{\(question), \"temperature\": true}", "temperature", "a number"),
      ("{\(question), \"top_p\": 0}", "top_p", "must be more"),
      ("{\(question), \"n\": 0}", "n", "1 to"), ("{\(question), \"n\": 1.5}", "n", "does not fit"),
      ("{\(question), \"max_tokens\": -1}", "max_tokens", "1 to"),
      ("{\(question), \"stream\": 1}", "stream", "true or false"),
      ("{\(question), \"stop\": 5}", "stop", "string or"),
      ("{\(question), \"stop\": [\"\"]}", "stop", "0 bytes"),
      ("{\(question), \"seed\": 1e30}", "seed", "does not fit"),
      ("{\(question), \"top_logprobs\": 3}", "top_logprobs", "needs logprobs"),
      ("{\(question), \"stream_options\": []}", "stream_options", "an object"),
      ("{\(question), \"user\": \"\(String(repeating: "x", count: 300))\"}", "user", "300 bytes"),
      (chat(#"{"type": "region"}"#), "messages[0].content[1].region", "missing"),
      (
        chat(#"{"type": "region", "region": {}}"#), "messages[0].content[1].region", "exactly one"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [1, 2, 3, 4], "point": [1, 2]}}"#),
        "messages[0].content[1].region", "exactly one"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [1, 2, 3]}}"#),
        "messages[0].content[1].region.box", "3 numbers"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [1, 2, 3, 1e999]}}"#),
        "messages[0].content[1].region.box", "does not fit"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [1, 2, 3, "4"]}}"#),
        "messages[0].content[1].region.box[3]", "a number"
      ),
      (
        chat(#"{"type": "region", "region": {"polygon": [[0, 0], [1, 1, 1], [0, 1]]}}"#),
        "messages[0].content[1].region.polygon[1]", "3 numbers"
      ),
      (
        chat(#"{"type": "region", "region": {"point": [0.5, 0.5], "units": "em"}}"#),
        "messages[0].content[1].region.units", "em"
      ),
      (
        chat(#"{"type": "region", "region": {"point": [0, 0], "image": 1}}"#),
        "messages[0].content[1].region.image", "shows 1"
      ),
      (
        chat(#"{"type": "region", "region": {"point": [0, 0], "id": "<"}}"#),
        "messages[0].content[1].region.id", "without < >"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [5, 5, 9, 9]}}"#),
        "messages[0].content[1].region.box", "outside the picture of 1×1"
      ),
      (
        chat(#"{"type": "region", "region": {"box": [0, 0, 0, 1]}}"#),
        "messages[0].content[1].region.box", "no width"
      ),
    ] as [(String, String?, String)])
  func chatCompletions(body: String, param: String?, reason: String) async throws {
    let cluster = FakeCluster("never")
    let answer = try await APIClient(cluster).chat(body)
    #expect(answer.status == 400, "\(answer.text)")
    #expect(try answer.error("param") == param, "\(answer.text)")
    #expect(try answer.error("type") == "invalid_request_error")
    #expect(try answer.error("message")?.contains(reason) == true, "\(answer.text)")
    #expect(cluster.asked.isEmpty)
  }

  @Test(
    "images",
    arguments: [
      ("data:image/png;base64,", "does not hold base64"), ("data:image/png", "comma"),
      ("data:,hello", "not in base64"), ("data:image/png;base64,@@@@", "does not hold base64"),
      ("data:image/png;base64,aGVsbG8=", "looks like"),
      ("data:image/png;base64,\(Picture.bomb)", "30000×30000"),
      ("data:image/png;base64,\(Picture.onePixel.prefix(24))", "ends"),
      ("file:///etc/passwd", "neither a data: URI"), ("http://user@example.com/x.png", "neither"),
      ("https://example.com/cat.png", "does not fetch"), ("gopher://example.com", "neither"),
      ("", "neither"),
    ])
  func images(url: String, reason: String) async throws {
    let cluster = FakeCluster("never")
    let answer = try await APIClient(cluster).chat(
      #"""
      {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "\#(url)"}}]}]}
      """#)
    #expect(answer.status == 400)
    #expect(try answer.error("param") == "messages[0].content[1].image_url.url")
    #expect(try answer.error("message")?.contains(reason) == true, "\(answer.text)")
    #expect(cluster.asked.isEmpty)
  }

  @Test("the operator's limit on pixels is kept before anything is decoded")
  func pixelLimit() async throws {
    let body = Self.chat(#"{"type": "text", "text": "What?"}"#)
    let allowed = try await APIClient(FakeCluster("red")) { $0.imagePixelsMax = 1 }.chat(body)
    #expect(allowed.status == 200)
    let refused = try await APIClient(FakeCluster("red")) { $0.imagePixelsMax = 0 }.chat(body)
    #expect(refused.status == 400)
    #expect(try refused.error("code") == "invalid_image")
  }

  @Test(
    "text completions",
    arguments: [
      ("{}", "prompt", "missing"), (#"{"prompt": 5}"#, "prompt", "a string"),
      (#"{"prompt": ""}"#, "prompt", "empty"), (#"{"prompt": []}"#, "prompt", "0 prompts"),
      (#"{"prompt": ["a", ""]}"#, "prompt[1]", "empty"),
      (#"{"prompt": [1, -2]}"#, "prompt", "below 0"),
      (#"{"prompt": [[1], []]}"#, "prompt[1]", "0 tokens"),
      (#"{"prompt": ["a", 1]}"#, "prompt", "a string"),
      (#"{"prompt": ["a", "b"], "n": 17}"#, "n", "34 answers"),
      (#"{"prompt": "a", "echo": true, "logprobs": 1}"#, "echo", "logprobs"),
      (#"{"prompt": "a", "logprobs": 21}"#, "logprobs", "0 to 20"),
    ] as [(String, String, String)])
  func textCompletions(body: String, param: String, reason: String) async throws {
    let answer = try await APIClient(FakeCluster("never")).post("/v1/completions", body)
    #expect(answer.status == 400, "\(answer.text)")
    #expect(try answer.error("param") == param, "\(answer.text)")
    #expect(try answer.error("message")?.contains(reason) == true, "\(answer.text)")
  }

  @Test("a request that is too large is refused by its stated and by its real size")
  func bodyLimit() async throws {
    let client = try APIClient(FakeCluster("never")) { $0.bodyBytesMax = 2000 }
    let answer = try await client.chat(String(repeating: " ", count: 2001) + "{}")
    #expect(answer.status == 413)
    #expect(answer.headers[.connection] == "close")
    #expect(try await client.chat(String(repeating: " ", count: 1998) + "{}").status == 400)
  }

  @Test("deeply nested JSON is an error, not a crash")
  func nesting() async throws {
    let body = String(repeating: "[", count: 100_000)
    #expect(try await APIClient(FakeCluster("never")).chat(body).status == 400)
    let inside = "{\"messages\": " + String(repeating: "{\"a\":", count: 100_000)
    #expect(try await APIClient(FakeCluster("never")).chat(inside).status == 400)
  }
}
