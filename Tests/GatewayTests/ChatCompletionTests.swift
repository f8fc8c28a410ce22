/// Chat completions: what the cluster is asked, and how its answer is told.

import Coordinator
import HTTPTypes
import Testing
import Wire

@testable import Gateway

@Suite("chat completions", .timeLimit(.minutes(5)))
struct ChatCompletionTests {
  private static let question = #""messages": [{"role": "user", "content": "What?"}]"#

  @Test("fields become a query; defaults are OpenAI's, and unknown fields are ignored")
  func query() async throws {
    let cluster = FakeCluster("red")
    let client = try APIClient(cluster)
    _ = try await client.chat(
      #"""
      {"model": "mini", "max_tokens": 3, "max_completion_tokens": 7, "temperature": 0.5,
       "top_p": 0.25, "top_k": -1, "seed": -3, "stop": "\n", "presence_penalty": 0.5,
       "frequency_penalty": -0.5, "min_tokens": 2, "ignore_eos": true, "logprobs": true,
       "top_logprobs": 4, "user": "ada", "tools": null, "whatever": {"x": [1]},
       \#(Self.question)}
      """#)
    _ = try await client.chat("{\(Self.question)}")
    let (full, bare) = (try #require(cluster.asked.first), try #require(cluster.asked.last))
    #expect(full.newTokensMax == 7 && full.stop == ["\n"] && full.user == "ada")
    #expect(full.minTokens == 2 && full.ignoreEnd && full.logProbabilities == 4)
    #expect(
      full.sampling
        == WireSampling(
          temperature: 0.5, topP: 0.25, topK: 0, seed: UInt64(bitPattern: -3),
          presencePenalty: 0.5, frequencyPenalty: -0.5))
    #expect(full.deadlineMilliseconds == 600_000)
    #expect(bare.sampling.temperature == 1 && bare.sampling.topP == 1 && bare.newTokensMax == 0)
    #expect(bare.logProbabilities == nil && bare.stop.isEmpty && bare.user.isEmpty)
    #expect(bare.turns == [WireTurn(speaker: .user, text: "What?")])
  }

  @Test("images, regions and turns stand in the query where they stood in the messages")
  func conversation() async throws {
    let cluster = FakeCluster("red")
    let answer = try await APIClient(cluster).chat(
      #"""
      {"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [\#(Picture.part()), {"type": "text", "text": "Is "},
          {"type": "region", "region": {"box": [0, 0, 1, 1]}}, {"type": "text", "text": " red?"}]},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [\#(Picture.part()),
          {"type": "region", "region": {"point": [0.5, 0.5], "units": "norm", "image": 1,
            "id": "b"}}, {"type": "text", "text": "And <region:b>?"}]},
        {"role": "user", "content": "Say "},
        {"role": "user", "content": [{"type": "region",
          "region": {"polygon": [[0, 0], [1, 0], [1, 1]]}}]}]}
      """#)
    #expect(answer.status == 200, "\(answer.text)")
    let query = try #require(cluster.asked.first)
    #expect(query.system == "Be brief.\nBe kind." && query.images.count == 2)
    #expect(query.turns.map(\.speaker) == [.user, .assistant, .user])
    #expect(
      query.turns.map(\.text) == ["Is <region> red?", "yes", "And <region:b>?\nSay <region>"])
    #expect(query.turns.map(\.images) == [[0], [], [1]])
    #expect(query.turns[0].regions == [WireRegion(kind: .box, coordinates: [0, 0, 1, 1])])
    #expect(
      query.turns[2].regions == [
        WireRegion(
          kind: .point, frame: .normalized, coordinates: [0.5, 0.5], image: 1, name: "b"),
        WireRegion(kind: .polygon, coordinates: [0, 0, 1, 0, 1, 1]),
      ])
  }

  private static let found = [
    AnswerRegion(
      region: WireRegion(kind: .box, coordinates: [1.5, 2, 3, 4]), text: "<box>[0.1]</box>"),
    AnswerRegion(region: WireRegion(kind: .point, coordinates: [5, 6], image: 1), text: "p"),
    AnswerRegion(region: WireRegion(kind: .polygon, coordinates: [0, 0, 1, 0, 1, 1]), text: "q"),
  ]

  @Test("a whole answer holds the text, the regions and the usage")
  func whole() async throws {
    let answer = try await APIClient(FakeCluster("a \"red\"", " ring", regions: Self.found))
      .chat("{\(Self.question), \"n\": 2}")
    let object = try answer.object
    #expect(object["object"] as? String == "chat.completion")
    #expect(object["model"] as? String == "mini")
    #expect((object["id"] as? String)?.hasPrefix("chatcmpl-") == true)
    let choices = try #require(object["choices"] as? [[String: Any]])
    #expect(choices.map { $0["index"] as? Int } == [0, 1])
    #expect(choices.allSatisfy { $0["finish_reason"] as? String == "stop" })
    let message = try #require(choices[1]["message"] as? [String: Any])
    #expect(message["content"] as? String == "a \"red\" ring")
    let regions = try #require(message["regions"] as? [[String: Any]])
    #expect(regions[0]["box"] as? [Double] == [1.5, 2, 3, 4])
    #expect(regions[0]["text"] as? String == "<box>[0.1]</box>")
    #expect(regions[1]["point"] as? [Double] == [5, 6] && regions[1]["image"] as? Int == 1)
    #expect(regions[2]["polygon"] as? [[Double]] == [[0, 0], [1, 0], [1, 1]])
    #expect(regions[2]["box"] == nil)
    let usage = try #require(object["usage"] as? [String: Any])
    #expect(usage["prompt_tokens"] as? Int == 80 && usage["completion_tokens"] as? Int == 10)
    #expect(usage["total_tokens"] as? Int == 90)
    #expect(
      usage["prompt_tokens_details"] as? [String: Int]
        == ["cached_tokens": 32, "image_tokens": 64])
  }

  @Test("a stream's pieces make the answer; regions come last, usage only if asked for")
  func stream() async throws {
    let pieces = FakeCluster("a \"r", "ed\"\n", " ring\u{1}\\é🦊", regions: Self.found)
    let client = try APIClient(pieces)
    let answer = try await client.chat(
      "{\(Self.question), \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
    #expect(answer.headers[.contentType]?.hasPrefix("text/event-stream") == true)
    let events = try answer.events()
    #expect(Set(events.map { $0["id"] as? String }).count == 1)
    #expect(events.allSatisfy { $0["object"] as? String == "chat.completion.chunk" })
    let choices = events.dropLast().compactMap { ($0["choices"] as? [[String: Any]])?.first }
    let deltas = choices.compactMap { $0["delta"] as? [String: Any] }
    #expect(deltas.first?["role"] as? String == "assistant")
    #expect(
      deltas.compactMap { $0["content"] as? String }.joined() == "a \"red\"\n ring\u{1}\\é🦊")
    #expect((deltas.last?["regions"] as? [Any])?.count == 3)
    #expect(choices.last?["finish_reason"] as? String == "stop")
    #expect(choices.dropLast().allSatisfy { $0.keys.contains("finish_reason") })
    let usage = try #require(events.last?["usage"] as? [String: Any])
    #expect((events.last?["choices"] as? [Any])?.isEmpty == true)
    #expect(usage["total_tokens"] as? Int == 85)
    let without = try await client.chat("{\(Self.question), \"stream\": true}").events()
    #expect(without.allSatisfy { $0["usage"] == nil })
  }

  @Test("two choices of a stream are told apart and have seeds of their own")
  func choices() async throws {
    let cluster = FakeCluster { query, continuation in
      let text = "seed \(query.sampling.seed)"
      continuation.yield(.text(text, []))
      continuation.yield(.answer(FakeCluster.answer(text)))
      continuation.finish()
    }
    let answer = try await APIClient(cluster).chat(
      "{\(Self.question), \"stream\": true, \"n\": 2, \"seed\": 9}")
    var texts = ["", ""]
    for event in try answer.events() {
      for choice in event["choices"] as? [[String: Any]] ?? [] {
        let delta = try #require(choice["delta"] as? [String: Any])
        texts[try #require(choice["index"] as? Int)] += delta["content"] as? String ?? ""
      }
    }
    #expect(texts == cluster.asked.map { "seed \($0.sampling.seed)" })
    #expect(Set(texts).count == 2 && cluster.asked[0].sampling.seed == 9)
  }

  private static let told = FakeCluster { _, continuation in
    let fox = Array("🦊".utf8)
    continuation.yield(
      .text(
        "a",
        [
          AnswerToken(
            id: 5, bytes: Array("a".utf8), logProbability: -0.5,
            likeliest: [
              TokenLikelihood(id: 5, bytes: Array("a".utf8), logProbability: -0.5),
              TokenLikelihood(id: 6, bytes: Array("b".utf8), logProbability: -.infinity),
            ])
        ]))
    continuation.yield(
      .text("", [AnswerToken(id: 7, bytes: Array(fox[..<2]), logProbability: -1)]))
    continuation.yield(
      .text("🦊", [AnswerToken(id: 8, bytes: Array(fox[2...]), logProbability: -2)]))
    continuation.yield(.answer(FakeCluster.answer("a🦊")))
    continuation.finish()
  }

  @Test("log-probabilities come with bytes, whole and streamed alike")
  func logProbabilities() async throws {
    let client = try APIClient(Self.told)
    let fields = "{\(Self.question), \"logprobs\": true, \"top_logprobs\": 2"
    let whole = try await client.chat(fields + "}").object
    let choice = try #require((whole["choices"] as? [[String: Any]])?.first)
    let content = try #require(
      (choice["logprobs"] as? [String: Any])?["content"] as? [[String: Any]])
    #expect(content.map { $0["logprob"] as? Double } == [-0.5, -1, -2])
    #expect(content.flatMap { $0["bytes"] as? [UInt8] ?? [] } == Array("a🦊".utf8))
    let top = try #require(content[0]["top_logprobs"] as? [[String: Any]])
    #expect(top.map { $0["token"] as? String } == ["a", "b"])
    #expect(top[1]["logprob"] as? Double == -9999)
    let events = try await client.chat(fields + ", \"stream\": true}").events()
    let streamed = events.flatMap { event in
      (event["choices"] as? [[String: Any]] ?? []).flatMap {
        ($0["logprobs"] as? [String: Any])?["content"] as? [[String: Any]] ?? []
      }
    }
    #expect(streamed.map { $0["logprob"] as? Double } == [-0.5, -1, -2])
  }

  @Test(
    "what the coordinator refuses keeps its status",
    arguments: [
      (.invalidQuery, 400, false), (.invalidImage, 400, false), (.overloaded, 429, true),
      (.unavailable, 503, true), (.lost, 500, false), (.deadline, 504, false),
      (.internal, 500, false),
    ] as [(CoordinatorError.Code, Int, Bool)], [false, true])
  func refused(refusal: (CoordinatorError.Code, Int, Bool), streams: Bool) async throws {
    let (code, status, retries) = refusal
    let cluster = FakeCluster { _, continuation in
      continuation.finish(throwing: CoordinatorError(code, "the cause", remedy: "Do this"))
    }
    let client = try APIClient(cluster)
    let answer = try await client.chat("{\(Self.question), \"stream\": \(streams)}")
    #expect(client.api.running.count == 0)
    #expect(answer.status == status)
    #expect(try answer.error("message") == "the cause. Do this")
    #expect((answer.headers[.retryAfter].flatMap { Int($0) } ?? 0 >= 1) == retries)
  }

  @Test("what goes wrong in a stream is an event with an error object")
  func brokenStream() async throws {
    let cluster = FakeCluster { _, continuation in
      continuation.yield(.text("a large", []))
      continuation.finish(throwing: CoordinatorError(.lost, "a worker is gone"))
    }
    let client = try APIClient(cluster)
    let answer = try await client.chat("{\(Self.question), \"stream\": true}")
    #expect(answer.status == 200 && client.api.running.count == 0)
    let last = try #require(try answer.events().last?["error"] as? [String: Any])
    #expect(last["message"] as? String == "a worker is gone" && last["code"] as? String == "lost")
  }

  @Test("without a plan queries are refused with 503, and another model with 404")
  func notReady() async throws {
    let cluster = FakeCluster("red")
    let client = try APIClient(cluster)
    let other = try await client.chat("{\(Self.question), \"model\": \"gpt\"}")
    #expect(other.status == 404)
    #expect(try other.error("code") == "model_not_found")
    #expect(try await client.send(.get, "/ready").status == 200)
    cluster.becomeUnready()
    let refused = try await client.chat("{\(Self.question)}")
    #expect(refused.status == 503 && refused.headers[.retryAfter] == "2")
    #expect(try await client.send(.get, "/ready").status == 503)
    #expect(try await client.send(.get, "/live").status == 200)
    #expect(cluster.asked.isEmpty)
  }
}
